//! Libraries: modules of no context, which are loaded into a context when it first needs them.

use std::collections::BTreeMap;
use std::ffi::{c_char, c_int, c_uint, c_void};
use std::sync::Arc;

use cust_raw::cudaError_enum::*;
use cust_raw::{CUdevice, CUdeviceptr, CUfunction, CUjit_option, CUmodule};
use ptx_sim::Kernel;

use super::argument::{Handle, In, Out, Text};
use super::device::check;
use super::function;
use super::module::{self, JitOptions};
use super::refusal::{Answer, Refusal};
use super::session::Session;
use super::state::find;
use crate::header::{CUkernel, CUlibrary};
use crate::result::kept;

/// A library.
pub(crate) struct Library {
    text: Arc<str>,
    /// By name.
    kernels: BTreeMap<String, Handle>,
    /// The modules that it is in contexts, by context.
    modules: BTreeMap<Handle, Handle>,
}

/// A kernel of a library.
pub(crate) struct LibraryKernel {
    library: Handle,
    /// As it was compiled without a context: its attributes are those of every other.
    kernel: Arc<Kernel>,
    /// What was set for all contexts: `CU_FUNC_ATTRIBUTE_*` and values.
    attributes: BTreeMap<u32, c_int>,
}

/// `CU_LIBRARY_HOST_UNIVERSAL_FUNCTION_AND_DATA_TABLE` and `CU_LIBRARY_BINARY_IS_PRESERVED`
const OPTIONS: u32 = 2;

impl Session {
    /// The module of a library in the current context, which is loaded if it is not there.
    fn library_module(&mut self, library: Handle) -> Result<Handle, Refusal> {
        let context = self.current()?;
        let found = find(&self.libraries, library)?;
        let known = found.modules.get(&context).copied();
        if let Some(known) = known.filter(|module| self.modules.contains_key(module)) {
            return Ok(known);
        }
        let text = found.text.clone();
        let module = self.load(&text, &JitOptions::default())?;
        match self.libraries.get_mut(&library) {
            Some(found) => found.modules.insert(context, module),
            None => {
                self.unload(module);
                return Err(CUDA_ERROR_INVALID_HANDLE.into());
            }
        };
        Ok(module)
    }

    /// The function of the current context that a handle stands for, which may be a library's kernel.
    pub(crate) fn resolve(&mut self, handle: Handle) -> Result<Handle, Refusal> {
        let Some(kernel) = self.library_kernels.get(&handle) else {
            return Ok(handle);
        };
        let (library, name) = (kernel.library, kernel.kernel.name().to_owned());
        let attributes = kernel.attributes.clone();
        let module = self.library_module(library)?;
        let is_new = !find(&self.modules, module)?.has_function(&name);
        let function = self.module_function(module, &name)?;
        if is_new {
            for (attribute, value) in attributes {
                function::set_attribute(self, function, attribute, value)?;
            }
        }
        Ok(function)
    }

    /// Adds a library of a text.
    fn add_library(&mut self, text: &str, options: &JitOptions) -> Result<Handle, Refusal> {
        let program = self.compile(text, options)?;
        let compiled: Vec<Arc<Kernel>> = program.kernels().cloned().collect();
        // Variables are of contexts.
        self.device().unload(&program);
        let library = self.new_handle();
        let mut kernels = BTreeMap::new();
        for kernel in compiled {
            let handle = self.new_handle();
            kernels.insert(kernel.name().to_owned(), handle);
            let new = LibraryKernel {
                library,
                kernel,
                attributes: BTreeMap::new(),
            };
            self.library_kernels.insert(handle, new);
        }
        let new = Library {
            text: text.into(),
            kernels,
            modules: BTreeMap::new(),
        };
        self.libraries.insert(library, new);
        Ok(library)
    }
}

/// Checks the options of a library, none of which changes anything: a text is copied when it is loaded.
///
/// # Safety
///
/// There are `count` options.
unsafe fn check_options(options: Option<In<c_uint>>, count: c_uint) -> Answer {
    let options = match options {
        // SAFETY: The caller vouches for the options.
        Some(options) => unsafe { options.array::<u32>(count as usize)? },
        None if count == 0 => Vec::new(),
        None => return Err(CUDA_ERROR_INVALID_VALUE.into()),
    };
    if options.iter().any(|&option| option >= OPTIONS) {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    Ok(())
}

/// `cuLibraryLoadData`
#[expect(
    clippy::too_many_arguments,
    reason = "the driver's function has as many"
)]
pub(crate) fn load_data(
    session: &mut Session,
    library: Out<CUlibrary>,
    code: In<c_void>,
    jit_options: Option<In<CUjit_option>>,
    jit_values: *mut *mut c_void,
    n_jit_options: c_uint,
    options: Option<In<c_uint>>,
    _values: *mut *mut c_void,
    n_options: c_uint,
) -> Answer {
    // SAFETY: The contract of the driver's function is the same, for the options and the code.
    let (text, jit_options) = unsafe {
        check_options(options, n_options)?;
        (
            session.image_text(&code)?,
            JitOptions::read(n_jit_options, jit_options, jit_values)?,
        )
    };
    library.set(session.add_library(&text, &jit_options)?.pointer());
    Ok(())
}

/// `cuLibraryLoadFromFile`
#[expect(
    clippy::too_many_arguments,
    reason = "the driver's function has as many"
)]
pub(crate) fn load_from_file(
    session: &mut Session,
    library: Out<CUlibrary>,
    Text(path): Text,
    jit_options: Option<In<CUjit_option>>,
    jit_values: *mut *mut c_void,
    n_jit_options: c_uint,
    options: Option<In<c_uint>>,
    _values: *mut *mut c_void,
    n_options: c_uint,
) -> Answer {
    // SAFETY: The contract of the driver's function is the same.
    let jit_options = unsafe {
        check_options(options, n_options)?;
        JitOptions::read(n_jit_options, jit_options, jit_values)?
    };
    let text = session.read_file(&path)?;
    library.set(session.add_library(&text, &jit_options)?.pointer());
    Ok(())
}

/// `cuLibraryUnload`
pub(crate) fn unload(session: &mut Session, library: Handle) -> Answer {
    find(&session.libraries, library)?;
    let contexts: Vec<Handle> = session.contexts.keys().copied().collect();
    for context in contexts {
        session.wait_for_context(context);
    }
    if let Some(library) = session.libraries.remove(&library) {
        for kernel in library.kernels.values() {
            session.library_kernels.remove(kernel);
        }
        for module in library.modules.into_values() {
            session.unload(module);
        }
    }
    Ok(())
}

/// `cuLibraryGetKernel`
pub(crate) fn get_kernel(
    session: &mut Session,
    kernel: Out<CUkernel>,
    library: Handle,
    Text(name): Text,
) -> Answer {
    let found = find(&session.libraries, library)?.kernels.get(&name);
    kernel.set(found.ok_or(CUDA_ERROR_NOT_FOUND)?.pointer());
    Ok(())
}

/// `cuLibraryGetKernelCount`
pub(crate) fn kernel_count(session: &mut Session, count: Out<c_uint>, library: Handle) -> Answer {
    count.set(find(&session.libraries, library)?.kernels.len() as c_uint);
    Ok(())
}

/// `cuLibraryEnumerateKernels`: as many as there is room for.
pub(crate) fn enumerate_kernels(
    session: &mut Session,
    kernels: Out<CUkernel>,
    room: c_uint,
    library: Handle,
) -> Answer {
    let found = find(&session.libraries, library)?.kernels.values();
    for (index, kernel) in found.take(room as usize).enumerate() {
        // SAFETY: The caller says that there is room for as many.
        unsafe { kernels.set_at(index, kernel.pointer()) };
    }
    Ok(())
}

/// `cuLibraryGetModule`
pub(crate) fn get_module(session: &mut Session, module: Out<CUmodule>, library: Handle) -> Answer {
    module.set(session.library_module(library)?.pointer());
    Ok(())
}

/// `cuLibraryGetGlobal`
pub(crate) fn get_global(
    session: &mut Session,
    address: Option<Out<CUdeviceptr>>,
    bytes: Option<Out<usize>>,
    library: Handle,
    name: Text,
) -> Answer {
    if address.is_none() && bytes.is_none() {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    let module = session.library_module(library)?;
    module::get_global(session, address, bytes, module, name)
}

/// `cuLibraryGetManaged`: PTX that the simulator takes has no managed variables.
pub(crate) fn get_managed(
    session: &mut Session,
    _address: Option<Out<CUdeviceptr>>,
    _bytes: Option<Out<usize>>,
    library: Handle,
    _name: Text,
) -> Answer {
    find(&session.libraries, library)?;
    Err(CUDA_ERROR_NOT_FOUND.into())
}

/// `cuKernelGetFunction`
pub(crate) fn kernel_function(
    session: &mut Session,
    function: Out<CUfunction>,
    kernel: Handle,
) -> Answer {
    find(&session.library_kernels, kernel)?;
    function.set(session.resolve(kernel)?.pointer());
    Ok(())
}

/// `cuKernelGetLibrary`
pub(crate) fn kernel_library(
    session: &mut Session,
    library: Out<CUlibrary>,
    kernel: Handle,
) -> Answer {
    library.set(find(&session.library_kernels, kernel)?.library.pointer());
    Ok(())
}

/// `cuKernelGetAttribute`
pub(crate) fn kernel_attribute(
    session: &mut Session,
    value: Out<c_int>,
    attribute: u32,
    kernel: Handle,
    device: CUdevice,
) -> Answer {
    check(device)?;
    let found = find(&session.library_kernels, kernel)?;
    let properties = &session.device().options().properties;
    let mut function =
        function::Function::new(Handle::NULL, Handle::NULL, found.kernel.clone(), properties);
    for (&attribute, &value) in &found.attributes {
        function.set_attribute(properties, attribute, value)?;
    }
    value.set(function.attribute(properties, attribute)?);
    Ok(())
}

/// `cuKernelSetAttribute`: for the functions that there are, and for those to come.
pub(crate) fn set_kernel_attribute(
    session: &mut Session,
    attribute: u32,
    value: c_int,
    kernel: Handle,
    device: CUdevice,
) -> Answer {
    check(device)?;
    let properties = &session.device().options().properties;
    let found = find(&session.library_kernels, kernel)?;
    let (library, compiled) = (found.library, found.kernel.clone());
    let name = compiled.name().to_owned();
    function::Function::new(Handle::NULL, Handle::NULL, compiled, properties)
        .set_attribute(properties, attribute, value)?;
    if let Some(found) = session.library_kernels.get_mut(&kernel) {
        found.attributes.insert(attribute, value);
    }
    let modules: Vec<Handle> = find(&session.libraries, library)?
        .modules
        .values()
        .copied()
        .collect();
    for module in modules {
        let known = session.modules.get(&module);
        let known = known.and_then(|module| module.known_function(&name));
        if let Some(function) = known.and_then(|known| session.functions.get_mut(&known)) {
            function.set_attribute(properties, attribute, value)?;
        }
    }
    Ok(())
}

/// `cuKernelSetCacheConfig`: a hint.
pub(crate) fn set_kernel_cache_config(
    session: &mut Session,
    kernel: Handle,
    config: u32,
    device: CUdevice,
) -> Answer {
    check(device)?;
    find(&session.library_kernels, kernel)?;
    if config > 3 {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    Ok(())
}

/// `cuKernelGetName`
pub(crate) fn kernel_name(
    session: &mut Session,
    name: Out<*const c_char>,
    kernel: Handle,
) -> Answer {
    name.set(kept(find(&session.library_kernels, kernel)?.kernel.name()));
    Ok(())
}

/// `cuKernelGetParamInfo`
pub(crate) fn kernel_parameter(
    session: &mut Session,
    kernel: Handle,
    index: usize,
    offset: Out<usize>,
    size: Option<Out<usize>>,
) -> Answer {
    let kernel = &find(&session.library_kernels, kernel)?.kernel;
    function::parameter_of(kernel, index, &offset, size)
}

/// `cuKernelGetParamCount`
pub(crate) fn kernel_parameter_count(
    session: &mut Session,
    kernel: Handle,
    count: Out<usize>,
) -> Answer {
    let kernel = &find(&session.library_kernels, kernel)?.kernel;
    count.set(kernel.parameters().len());
    Ok(())
}
