//! What a launch in clusters may ask for, and what its kernel may.

use ptx_sim::{AllocationKind, Arguments, Device, Launch, LaunchError, Options, Properties};

/// Launches a kernel with these directives in the clusters of a grid; each block adds 1 to a word.
/// Returns how many did.
fn run(
    device: &str,
    directives: &str,
    grid: [u32; 3],
    cluster: Option<[u32; 3]>,
    non_portable_cluster: bool,
) -> Result<u32, String> {
    let ptx = format!(
        ".version 8.6\n.target sm_75\n.address_size 64\n\
         .visible .entry test(.param .u64 out) {directives}\n{{\n\
         .reg .b64 %out; .reg .b32 %one; .reg .pred %p;\n\
         ld.param.u64 %out, [out]; mov.u32 %one, 1; mov.pred %p, %is_explicit_cluster;\n\
         @%p add.u32 %one, %one, 100; red.global.add.u32 [%out], %one; ret;\n}}\n"
    );
    let device = Device::new(Options {
        properties: Properties::by_name(device).unwrap(),
        ..Options::default()
    });
    let memory = device.memory();
    let out = memory.allocate(4, 256, AllocationKind::Device).unwrap();
    memory.fill(out, &[0], 4).unwrap();
    let program = device.load(&ptx).map_err(|error| error.to_string())?;
    let launch = Launch {
        grid,
        cluster,
        non_portable_cluster,
        arguments: Arguments::Packed(&out.to_le_bytes()),
        ..Launch::default()
    };
    let launched = device.launch(program.kernel("test").unwrap(), &launch);
    if let Err(LaunchError::Configuration(message)) = launched {
        return Err(message);
    }
    launched.unwrap();
    assert_eq!(device.reports(), []);
    let mut bytes = [0; 4];
    memory.read(out, &mut bytes).unwrap();
    Ok(u32::from_le_bytes(bytes))
}

#[test]
fn a_launch_states_its_clusters() {
    let (plain, explicit) = (1, 101);
    for (directives, grid, cluster, expected) in [
        ("", [6, 1, 1], None, 6 * plain),
        ("", [6, 1, 1], Some([1, 1, 1]), 6 * explicit),
        ("", [6, 4, 1], Some([3, 2, 1]), 24 * explicit),
        (".explicitcluster", [4, 1, 1], Some([2, 1, 1]), 4 * explicit),
        (
            ".explicitcluster .reqnctapercluster 4",
            [8, 1, 1],
            None,
            8 * explicit,
        ),
        (
            ".reqnctapercluster 2, 2, 1",
            [4, 2, 1],
            Some([2, 2, 1]),
            8 * explicit,
        ),
        (
            ".maxclusterrank 4",
            [4, 1, 1],
            Some([4, 1, 1]),
            4 * explicit,
        ),
        (
            ".reqntid 1 .reqnctapercluster 2, 1, 1 .blocksareclusters",
            [3, 2, 1],
            None,
            12 * explicit,
        ),
    ] {
        let counted = run("h100", directives, grid, cluster, false);
        assert_eq!(counted, Ok(expected), "{directives} {grid:?} {cluster:?}");
    }
    assert_eq!(
        run("h100", "", [32, 1, 1], Some([16, 1, 1]), true),
        Ok(32 * explicit)
    );
    assert_eq!(run("a100", "", [2, 1, 1], None, false), Ok(2));
}

#[test]
fn wrong_clusters_are_refused() {
    for (device, directives, grid, cluster, words) in [
        ("h100", "", [16, 1, 1], [16, 1, 1], "non-portable"),
        (
            "h100",
            "",
            [6, 1, 1],
            [4, 1, 1],
            "no multiple of the cluster [4, 1, 1]",
        ),
        ("h100", "", [4, 1, 1], [0, 1, 1], "0 blocks"),
        (
            "h100",
            ".reqnctapercluster 2",
            [4, 1, 1],
            [4, 1, 1],
            "requires [2, 1, 1]",
        ),
        (
            "h100",
            ".reqnctapercluster 2",
            [4, 1, 1],
            [1, 1, 1],
            "requires [2, 1, 1]",
        ),
        (
            "h100",
            ".maxclusterrank 2",
            [4, 1, 1],
            [4, 1, 1],
            "at most 2",
        ),
        ("a100", "", [4, 1, 1], [2, 1, 1], "compute capability 9.0"),
        ("h100", "", [4, 1, 1], [u32::MAX, u32::MAX, 2], "blocks"),
    ] {
        let refused = run(device, directives, grid, Some(cluster), false).unwrap_err();
        assert!(
            refused.contains(words),
            "{cluster:?} of {directives}: {refused}"
        );
    }
    let many = run("h100", "", [32, 1, 1], Some([32, 1, 1]), true).unwrap_err();
    assert!(many.contains("1 to 16"), "{many}");
    let none = run("h100", ".explicitcluster", [4, 1, 1], None, false).unwrap_err();
    assert!(none.contains("shape of its clusters"), "{none}");
}
