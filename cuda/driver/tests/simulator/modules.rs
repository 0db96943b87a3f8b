//! Modules: from memory, from a file, with logs; what is in them; the linker.

use std::ffi::c_void;
use std::ptr;

use cust::error::CudaError;
use cust::link::Linker;
use cust::memory::CopyDestination;
use cust::module::Module;
use cust::sys;
use cust::sys::CUjit_option::*;
use cust::sys::CUresult::*;

use super::common::*;
use cuda_driver::sim;

#[test]
fn variables_are_found_and_initialized() {
    let _turn = simulator();
    let _context = context();
    let module = Module::from_ptx(PTX, &[]).expect("the PTX is valid");
    let mut counter = module
        .get_global::<[u32; 2]>(&text("counter"))
        .expect("it is there");
    let mut values = [0; 2];
    counter.copy_to(&mut values).expect("the copy succeeds");
    assert_eq!(values, [7, 9]);
    counter.copy_from(&[1, 2]).expect("the copy succeeds");
    let missing = module.get_global::<u32>(&text("contour"));
    assert_eq!(missing.err(), Some(CudaError::NotFound));
    assert!(matches!(
        module.get_function("subtract"),
        Err(CudaError::NotFound)
    ));
    // A second module has variables of its own.
    let other = Module::from_ptx(PTX, &[]).expect("the PTX is valid");
    let other = other
        .get_global::<[u32; 2]>(&text("counter"))
        .expect("it is there");
    other.copy_to(&mut values).expect("the copy succeeds");
    assert_eq!(values, [7, 9]);
}

#[test]
fn an_unloaded_module_has_no_functions() {
    let _turn = simulator();
    let _context = context();
    let (module, nothing) = load(PTX, "nothing");
    let (mut address, mut bytes) = (0, 0);
    let name = text("counter");
    ok(call!(cuModuleGetGlobal_v2(
        &mut address,
        &mut bytes,
        module,
        name.as_ptr()
    )));
    assert_eq!(bytes, 8);
    // It is the module's to free.
    assert_eq!(call!(cuMemFree_v2(address)), CUDA_ERROR_INVALID_VALUE);
    ok(call!(cuModuleUnload(module)));
    let gone = launch(nothing, 1, 1, 0, ptr::null_mut(), &mut []);
    assert_eq!(gone, CUDA_ERROR_INVALID_HANDLE);
    assert_eq!(call!(cuModuleUnload(module)), CUDA_ERROR_INVALID_HANDLE);
    let mut value = 0u32;
    let copied = call!(cuMemcpyDtoH_v2((&raw mut value).cast(), address, 4));
    assert_eq!(copied, CUDA_ERROR_INVALID_VALUE);
}

#[test]
fn a_module_comes_from_a_file() {
    let _turn = simulator();
    let _context = context();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("kernels.ptx");
    std::fs::write(&path, PTX).expect("the file is written");
    let module = Module::from_file(path.to_str().expect("UTF-8")).expect("the PTX is valid");
    assert!(module.get_function("add").is_ok());
    let missing = folder.path().join("none.ptx");
    let missing = missing.to_str().expect("UTF-8");
    assert_eq!(
        Module::from_file(missing).err(),
        Some(CudaError::FileNotFound)
    );
    assert!(take_log().join("\n").contains("none.ptx"));
}

#[test]
fn what_is_wrong_with_ptx_is_said() {
    let _turn = simulator();
    let _context = context();
    let wrong = text(
        ".version 7.0\n.target sm_75\n.address_size 64\n.visible .entry f()\n{\n  frobnicate.u32 %r1;\n}\n",
    );
    let mut buffer = [1u8; 200];
    let mut info = [1u8; 10];
    let mut options = [
        CU_JIT_OPTIMIZATION_LEVEL,
        CU_JIT_ERROR_LOG_BUFFER,
        CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES,
        CU_JIT_INFO_LOG_BUFFER,
        CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES,
    ];
    let number = |number| ptr::without_provenance_mut::<c_void>(number);
    let mut values = [
        number(4),
        buffer.as_mut_ptr().cast(),
        number(buffer.len()),
        info.as_mut_ptr().cast(),
        number(info.len()),
    ];
    let mut module = ptr::null_mut();
    let result = call!(cuModuleLoadDataEx(
        &mut module,
        wrong.as_ptr().cast(),
        5,
        options.as_mut_ptr(),
        values.as_mut_ptr()
    ));
    assert_eq!(result, CUDA_ERROR_INVALID_PTX);
    let length = values[2].addr();
    let said = std::str::from_utf8(&buffer[..length]).expect("UTF-8");
    assert_eq!(buffer[length], 0);
    assert!(said.contains("frobnicate") && said.contains('6'), "{said}");
    assert_eq!((info[0], values[4].addr()), (0, 0));
    // A short buffer gets what fits.
    values[2] = number(5);
    buffer.fill(1);
    let image = wrong.as_ptr().cast();
    let options = options.as_mut_ptr();
    let result = call!(cuModuleLoadDataEx(
        &mut module,
        image,
        5,
        options,
        values.as_mut_ptr()
    ));
    assert_eq!((result, values[2].addr()), (CUDA_ERROR_INVALID_PTX, 4));
    assert_eq!(buffer[4..6], [0, 1]);
    assert!(module.is_null());
}

#[test]
fn what_is_no_ptx_is_refused() {
    let _turn = simulator();
    let _context = context();
    let images: [(&[u8], _); 2] = [
        (b"\x7fELF\x02\x01\x01\0", "a cubin"),
        (
            include_bytes!("../fat/only_sm_80.fatbin"),
            "machine code for sm_80",
        ),
    ];
    for (image, what) in images {
        take_log();
        let mut module = ptr::null_mut();
        let result = call!(cuModuleLoadData(&mut module, image.as_ptr().cast()));
        assert_eq!(result, CUDA_ERROR_NO_BINARY_FOR_GPU);
        let log = take_log().join("\n");
        assert!(log.contains(what) && log.contains("PTX"), "{log}");
    }
    let newer = PTX.replace("sm_75", "sm_100");
    assert_eq!(
        Module::from_ptx(newer, &[]).err(),
        Some(CudaError::InvalidPtx)
    );
    assert!(take_log().join("\n").contains("sm_100"));
}

#[test]
fn the_ptx_of_fat_binaries_is_taken() {
    let _turn = simulator();
    let _context = context();
    for binary in [
        &include_bytes!("../fat/none.fatbin")[..],
        include_bytes!("../fat/speed.fatbin"),
        include_bytes!("../fat/size.fatbin"),
    ] {
        // What nvcc leaves in a program: magic number, version, address, and the name of a file.
        let wrapper = [
            0x0000_0001_4662_43b1,
            binary.as_ptr().expose_provenance() as u64,
            0,
        ];
        let mut modules = [ptr::null_mut(); 3];
        ok(call!(cuModuleLoadData(
            &mut modules[0],
            binary.as_ptr().cast()
        )));
        ok(call!(cuModuleLoadFatBinary(
            &mut modules[1],
            wrapper.as_ptr().cast()
        )));
        let mut link = ptr::null_mut();
        ok(call!(cuLinkCreate_v2(
            0,
            ptr::null_mut(),
            ptr::null_mut(),
            &mut link
        )));
        ok(call!(cuLinkAddData_v2(
            link,
            sys::CUjitInputType::CU_JIT_INPUT_FATBINARY,
            binary.as_ptr().cast_mut().cast(),
            binary.len(),
            ptr::null(),
            0,
            ptr::null_mut(),
            ptr::null_mut()
        )));
        let (mut image, mut size) = (ptr::null_mut(), 0);
        ok(call!(cuLinkComplete(link, &mut image, &mut size)));
        ok(call!(cuModuleLoadData(&mut modules[2], image)));
        ok(call!(cuLinkDestroy(link)));
        for module in modules {
            let mut function = ptr::null_mut();
            ok(call!(cuModuleGetFunction(
                &mut function,
                module,
                c"add".as_ptr()
            )));
            ok(call!(cuModuleUnload(module)));
        }
    }
    let mut module = ptr::null_mut();
    let elsewhere = [0x0000_0001_4662_43b1_u64, 0, 0];
    let result = call!(cuModuleLoadData(&mut module, elsewhere.as_ptr().cast()));
    assert_eq!(result, CUDA_ERROR_INVALID_IMAGE);
}

#[test]
fn one_file_can_be_linked() {
    let _turn = simulator();
    let _context = context();
    let mut linker = Linker::new().expect("a linker");
    linker.add_ptx(PTX).expect("it is PTX");
    assert_eq!(linker.add_ptx(PTX), Err(CudaError::NotSupported));
    let image = linker.complete().expect("one file");
    let module = Module::from_cubin(image, &[]).expect("the linker's image is loaded");
    assert!(module.get_function("add").is_ok());
    let mut linker = Linker::new().expect("a linker");
    assert!(linker.add_cubin(b"\x7fELF").is_err());
    drop((module, linker));
    assert_eq!(sim::reports(), []);
}
