//! Kernels from their text to their results.

use ptx_sim::{AllocationKind, Arguments, Device, Kind, Launch, Options};

const ADD: &str = r#"
.version 8.0
.target sm_80
.address_size 64

.visible .entry add(.param .u64 a, .param .u64 b, .param .u64 c, .param .u32 n)
{
    .reg .pred %p<2>;
    .reg .b32 %r<6>;
    .reg .f32 %f<4>;
    .reg .b64 %rd<11>;
    ld.param.u64 %rd1, [a];
    ld.param.u64 %rd2, [b];
    ld.param.u64 %rd3, [c];
    ld.param.u32 %r2, [n];
    mov.u32 %r3, %ctaid.x;
    mov.u32 %r4, %ntid.x;
    mov.u32 %r5, %tid.x;
    mad.lo.s32 %r1, %r3, %r4, %r5;
    setp.ge.u32 %p1, %r1, %r2;
    @%p1 bra DONE;
    cvta.to.global.u64 %rd4, %rd1;
    mul.wide.u32 %rd5, %r1, 4;
    add.s64 %rd6, %rd4, %rd5;
    cvta.to.global.u64 %rd7, %rd2;
    add.s64 %rd8, %rd7, %rd5;
    ld.global.f32 %f1, [%rd8];
    ld.global.f32 %f2, [%rd6];
    add.f32 %f3, %f2, %f1;
    cvta.to.global.u64 %rd9, %rd3;
    add.s64 %rd10, %rd9, %rd5;
    st.global.f32 [%rd10], %f3;
DONE:
    ret;
}
"#;

#[test]
fn a_vector_is_added() {
    let device = Device::new(Options::default());
    let program = device.load(ADD).unwrap();
    let n = 1000_u32;
    let bytes = u64::from(n) * 4;
    let memory = device.memory();
    let [a, b, c] = [(); 3].map(|()| memory.allocate(bytes, 256, AllocationKind::Device).unwrap());
    let write = |address: u64, f: fn(u32) -> f32| {
        let values: Vec<u8> = (0..n).flat_map(|index| f(index).to_le_bytes()).collect();
        memory.write(address, &values).unwrap();
    };
    write(a, |index| index as f32);
    write(b, |index| 0.5 * index as f32);
    let launch = Launch {
        grid: [n.div_ceil(128), 1, 1],
        block: [128, 1, 1],
        arguments: Arguments::Values(&[
            &a.to_le_bytes(),
            &b.to_le_bytes(),
            &c.to_le_bytes(),
            &n.to_le_bytes(),
        ]),
        ..Launch::default()
    };
    device
        .launch(program.kernel("add").unwrap(), &launch)
        .unwrap();
    let mut result = vec![0; bytes as usize];
    memory.read(c, &mut result).unwrap();
    for (index, value) in result.chunks(4).enumerate() {
        let value = f32::from_le_bytes(value.try_into().unwrap());
        assert_eq!(value, 1.5 * index as f32);
    }
    assert_eq!(device.reports(), []);
}

#[test]
fn the_kernels_of_this_project_load() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../gpu/ptx");
    let device = Device::new(Options::default());
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "ptx") {
            let text = std::fs::read_to_string(&path).unwrap();
            let program = device
                .load(&text)
                .unwrap_or_else(|error| panic!("{path:?}: {error}"));
            count += program.kernels().count();
        }
    }
    assert!(count >= 17, "{count} kernels");
}

/// Runs one thread of a kernel with this body, which may use `%r1`, `%r2`, `%rd1` and 16 bytes of local
/// memory; returns the kinds of what was found.
fn kinds(body: &str) -> Vec<Kind> {
    let device = Device::new(Options::default());
    let program = device
        .load(&format!(
            ".version 8.0\n.target sm_80\n.address_size 64\n.visible .entry k()\n{{\n\
             .local .align 8 .b8 from[8];\n.local .align 8 .b8 to[8];\n\
             .reg .b32 %r<3>;\n.reg .b64 %rd<2>;\n{body}\nret;\n}}"
        ))
        .unwrap();
    device
        .launch(program.kernel("k").unwrap(), &Launch::default())
        .unwrap();
    device.reports().iter().map(|report| report.kind).collect()
}

#[test]
fn a_copy_of_padding_is_no_use_of_it() {
    let first_byte = "mov.u32 %r1, 1; st.local.u8 [from], %r1;";
    let copy = "ld.local.b64 %rd1, [from]; st.local.b64 [to], %rd1;";
    assert_eq!(kinds(&format!("{first_byte} {copy}")), []);
    let compute = "ld.local.b32 %r1, [from]; add.u32 %r2, %r1, 1; st.local.b32 [to], %r1;";
    assert_eq!(
        kinds(&format!("{first_byte} {compute}")),
        [Kind::UninitializedLocal]
    );
    let whole = "mov.u64 %rd1, 1; st.local.b64 [from], %rd1;";
    assert_eq!(kinds(&format!("{whole} {compute}")), []);
}
