//! `#[kernel]` in the simulator.

use cuda_std_tests::{Run, ptx};

/// As `View` in the kernels.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct View {
    bounds: [u64; 2],
    origin: [f32; 3],
    padding: u32,
}

#[test]
fn structs_cross_by_value_and_by_reference() {
    let view = View {
        bounds: [3, 2],
        origin: [1.0, 2.0, 3.0],
        padding: 0,
    };
    let points: Vec<[f32; 3]> = (0..7).map(|i| [i as f32, 0.5, -1.0]).collect();
    Run::new("parameters_of_structs", 1, 32)
        .value(view)
        .pointer(&points)
        .pointer(&[2.0f32])
        .pointer(&[[9u8; 4]; 7])
        .check(|output| {
            let expected: Vec<[f32; 3]> = (0..7)
                .map(|i| {
                    if i < 6 {
                        [2.0 * i as f32 + 1.0, 3.0, 1.0]
                    } else {
                        points[i]
                    }
                })
                .collect();
            assert_eq!(output.buffer::<[f32; 3]>(0), expected);
            let hashes: Vec<[u8; 4]> = (0..7)
                .map(|i| [9, 9, 9, if i < 6 { i } else { 9 }])
                .collect();
            assert_eq!(output.buffer::<[u8; 4]>(2), hashes);
        });
}

#[test]
fn patterns_and_fat_pointers_are_parameters() {
    for (negative, sign) in [(0u8, 1), (1, -1)] {
        Run::new("parameters_of_patterns", 1, 1)
            .value(10u32)
            .value(0.5f64)
            .value([3u32, 4])
            .value(negative)
            .value('é' as u32)
            .value(0u16)
            .uninitialized_slice::<i64>(2)
            .check(|output| {
                assert_eq!(output.buffer::<i64>(0), [sign * 22, 'é' as i64]);
            });
    }
}

#[test]
fn a_parameter_may_have_the_kernels_name() {
    Run::new("parameter_named_alike", 1, 3)
        .value(100u32)
        .slice("né".as_bytes())
        .uninitialized_slice::<u32>(3)
        .check(|output| assert_eq!(output.buffer::<u32>(1), [102; 3]));
}

#[test]
fn instances_are_entry_points_of_their_own() {
    Run::new("axpy_f32_1", 1, 4)
        .value(2.0f32)
        .value(3i32)
        .slice(&[1.0f32, 2.0, 3.0])
        .slice(&[10.0f32, 20.0, 30.0])
        .check(|output| assert_eq!(output.buffer::<f32>(1), [16.0, 32.0, 48.0]));
    Run::new("axpy_f64_3", 1, 2)
        .value(0.5f64)
        .value(-1i32)
        .slice(&[[1.0f64, 2.0, 3.0], [4.0, 5.0, 6.0]])
        .slice(&[0.0f64, 1.0])
        .check(|output| assert_eq!(output.buffer::<f64>(1), [-3.0, -6.5]));
    Run::new("axpy_u64_2", 1, 1)
        .value(1u64 << 40)
        .value(2u8)
        .slice(&[[1u64, 2]])
        .slice(&[5u64])
        .check(|output| assert_eq!(output.buffer::<u64>(1), [(6 << 40) + 5]));
}

#[test]
fn launch_bounds_are_directives() {
    for (directives, name) in [
        (".maxntid 64\n.minnctapersm 2\n{", "bounded"),
        (".maxntid 128\n{", "without_a_panic"),
    ] {
        let header = entry(name).split_inclusive('{').next().unwrap();
        assert!(header.ends_with(directives), "{header}");
    }
    Run::new("bounded", 3, 64)
        .uninitialized_slice::<u32>(150)
        .check(|output| {
            let expected: Vec<u32> = (0..150).collect();
            assert_eq!(output.buffer::<u32>(0), expected);
        });
}

#[test]
fn only_what_can_panic_says_who_it_is() {
    let id = "cuda_std_kernel_id";
    assert!(entry("all_panic").contains(id));
    for name in ["without_a_panic", "bounded", "axpy_f64_3"] {
        assert!(!entry(name).contains(id), "{}", entry(name));
    }
}

/// The text of an entry point, from its name on.
fn entry(name: &str) -> &'static str {
    let (_, text) = ptx()
        .split_once(&format!(".visible .entry {name}("))
        .expect("there is such a kernel");
    text.split_once("\n}").map_or(text, |(body, _)| body)
}
