//! Bulk copies and copies of tensors as nvcc compiles them, with all checks: the results are those of the
//! host, there is nothing to report, and what a fault is made of is found.

use ptx_sim::{
    Fill, Interleave, Kind, LaunchError, Report, Swizzle, TensorBox, TensorElement, TensorMap,
};

use crate::machine::{Machine, Shape, arguments, line};

const PROGRAMS: &str = include_str!("../ptx/bulk.ptx");

/// Runs a test with several orders of warps and blocks.
fn with_seeds(test: impl Fn(&Machine)) {
    for seed in 1..=4 {
        test(&Machine::new("h100", PROGRAMS, seed));
    }
}

/// A map of a matrix whose rows have so many elements, in tiles of rows and columns.
fn matrix(
    element: TensorElement,
    address: u64,
    [rows, columns]: [u64; 2],
    [height, width]: [u32; 2],
) -> TensorMap {
    TensorMap {
        element,
        rank: 2,
        address,
        sizes: [columns, rows, 1, 1, 1],
        strides: [columns * element.bytes(), 0, 0, 0],
        part: TensorBox::Tiled([width, height, 1, 1, 1]),
        steps: [1; 5],
        interleave: Interleave::None,
        swizzle: Swizzle::None,
        fill: Fill::Zero,
    }
}

#[test]
fn rows_are_added_to() {
    with_seeds(|machine| {
        let values: Vec<f32> = (0..3 * 1024).map(|i| i as f32).collect();
        let row = machine.upload(&values);
        machine.launch("add_to_row", line(3, 96), arguments![row, 0.5_f32]);
        let expected: Vec<f32> = values.iter().map(|value| value + 0.5).collect();
        assert_eq!(machine.download::<f32>(row, values.len()), expected);
    });
}

#[test]
fn tiles_are_scaled() {
    with_seeds(|machine| {
        let (rows, columns) = (19, 100);
        let values: Vec<i32> = (0..rows * columns).collect();
        let address = machine.upload(&values);
        let map = matrix(TensorElement::S32, address, [19, 100], [8, 64]);
        machine.launch(
            "scale_tile",
            ([2, 3, 1], [128, 1, 1], 0),
            &[&map.encode(), &7_i32.to_le_bytes()],
        );
        let expected: Vec<i32> = values.iter().map(|value| value * 7).collect();
        assert_eq!(machine.download::<i32>(address, values.len()), expected);
    });
}

#[test]
fn a_matrix_is_transposed_by_swizzled_tiles() {
    with_seeds(|machine| {
        let (rows, columns) = (64, 96);
        let values: Vec<i32> = (0..rows * columns).collect();
        let from = machine.upload(&values);
        let to = machine.allocate::<i32>(values.len());
        let map = |address, shape| TensorMap {
            swizzle: Swizzle::Span128,
            ..matrix(TensorElement::S32, address, shape, [32, 32])
        };
        let (from, to_map) = (map(from, [64, 96]), map(to, [96, 64]));
        machine.launch(
            "transpose",
            ([3, 2, 1], [128, 1, 1], 0),
            &[&from.encode(), &to_map.encode()],
        );
        let found: Vec<i32> = machine.download(to, values.len());
        for (at, &value) in found.iter().enumerate() {
            let (row, column) = (at as i32 / rows, at as i32 % rows);
            assert_eq!(value, column * columns + row);
        }
    });
}

const SUMS: Shape = ([2, 1, 1], [128, 1, 1], 0);

#[test]
fn columns_are_summed_in_a_pipeline() {
    with_seeds(|machine| {
        let (rows, columns) = (75, 188);
        let values: Vec<f32> = (0..rows * columns).map(|i| (i % 31) as f32).collect();
        let map = matrix(
            TensorElement::F32,
            machine.upload(&values),
            [75, 188],
            [16, 96],
        );
        let sums = machine.upload(&[1.0_f32; 192]);
        let arguments: &[&[u8]] = &[&map.encode(), &5_i32.to_le_bytes(), &sums.to_le_bytes()];
        machine.launch("column_sums", SUMS, arguments);
        let expected: Vec<f32> = (0..192)
            .map(|column| {
                let inside = (0..rows).filter(|_| column < columns);
                1.0 + inside
                    .map(|row| values[row * columns + column])
                    .sum::<f32>()
            })
            .collect();
        assert_eq!(machine.download::<f32>(sums, 192), expected);
    });
}

#[test]
fn maps_are_changed_by_kernels() {
    with_seeds(|machine| {
        let matrices: Vec<Vec<i32>> = [4, 3, 2]
            .map(|rows| (0..rows * 32).map(|i| i + 1000 * rows).collect())
            .to_vec();
        let addresses: Vec<u64> = matrices
            .iter()
            .map(|matrix| machine.upload(matrix))
            .collect();
        let pattern = matrix(TensorElement::S32, addresses[0], [4, 32], [4, 32]);
        let maps = machine.allocate::<[u8; 128]>(3);
        let table = machine.upload(&addresses);
        let first = machine.allocate::<i32>(3 * 128);
        machine.launch(
            "change_map",
            line(3, 128),
            &[
                &pattern.encode(),
                &maps.to_le_bytes(),
                &table.to_le_bytes(),
                &2_i32.to_le_bytes(),
                &first.to_le_bytes(),
            ],
        );
        let found: Vec<i32> = machine.download(first, 3 * 128);
        for (block, matrix) in matrices.iter().enumerate() {
            // Two rows of each, and what is outside is zero.
            let expected: Vec<i32> = (0..128)
                .map(|i| if i < 64 { matrix[i] } else { 0 })
                .collect();
            assert_eq!(found[block * 128..][..128], expected);
        }
    });
}

#[test]
fn blocks_of_a_cluster_share_what_they_load() {
    with_seeds(|machine| {
        let rows: Vec<i32> = (0..3 * 256).map(|i| i * i % 1009).collect();
        let (input, sums) = (machine.upload(&rows), machine.allocate::<i32>(12 * 64));
        machine.launch("share_rows", line(12, 64), arguments![input, sums]);
        let expected: Vec<i32> = (0..12 * 64)
            .map(|at| {
                let row = &rows[at / 256 * 256..][..256];
                let products = row.iter().enumerate();
                products
                    .map(|(i, value)| value * ((i + at % 64) % 7) as i32)
                    .sum()
            })
            .collect();
        assert_eq!(machine.download::<i32>(sums, 12 * 64), expected);

        let values: Vec<i32> = (0..8 * 96).collect();
        let address = machine.upload(&values);
        let map = matrix(TensorElement::S32, address, [8, 96], [4, 32]);
        let copies = machine.allocate::<i32>(6 * 256);
        let arguments: &[&[u8]] = &[&map.encode(), &copies.to_le_bytes()];
        machine.launch("share_tiles", line(6, 64), arguments);
        let expected: Vec<i32> = (0..6 * 256)
            .map(|at| values[at % 256 / 32 * 96 + at / 512 * 32 + at % 32])
            .collect();
        assert_eq!(machine.download::<i32>(copies, 6 * 256), expected);
    });
}

#[test]
fn blocks_of_a_cluster_send_to_the_next() {
    with_seeds(|machine| {
        let numbers: Vec<i32> = (0..8 * 64).collect();
        let memory = machine.upload(&numbers);
        machine.launch("pass_on", line(8, 64), arguments![memory]);
        let expected: Vec<i32> = (0..8 * 64)
            .map(|at| at / 256 * 256 + (at / 64 + 3) % 4 * 64 + at % 64)
            .collect();
        assert_eq!(machine.download::<i32>(memory, 8 * 64), expected);
    });
}

/// Runs a kernel that was changed, in several orders; returns what is reported in each.
fn with_fault(
    replaced: (&str, &str),
    run: impl Fn(&Machine) -> Result<(), LaunchError>,
) -> Vec<Vec<Report>> {
    let (from, to) = replaced;
    assert!(PROGRAMS.contains(from), "{from}");
    let ptx = PROGRAMS.replace(from, to);
    (1..=4)
        .map(|seed| {
            let machine = Machine::new("h100", &ptx, seed);
            let result = run(&machine);
            let mut reports = machine.device.reports();
            if let Err(LaunchError::Fault(report)) = result {
                reports.push(*report);
            }
            reports
        })
        .collect()
}

fn scale(machine: &Machine) -> Result<(), LaunchError> {
    let address = machine.upload(&[1_i32; 19 * 100]);
    let map = matrix(TensorElement::S32, address, [19, 100], [8, 64]);
    let arguments: &[&[u8]] = &[&map.encode(), &7_i32.to_le_bytes()];
    machine.try_launch("scale_tile", ([2, 3, 1], [128, 1, 1], 0), arguments)
}

fn share(machine: &Machine) -> Result<(), LaunchError> {
    let (input, sums) = (machine.upload(&[1_i32; 256]), machine.allocate::<i32>(256));
    machine.try_launch("share_rows", line(4, 64), arguments![input, sums])
}

fn pass_on(machine: &Machine) -> Result<(), LaunchError> {
    let numbers = machine.upload(&[1_i32; 256]);
    machine.try_launch("pass_on", line(4, 64), arguments![numbers])
}

fn sum(machine: &Machine) -> Result<(), LaunchError> {
    let values = machine.upload(&[1.0_f32; 75 * 188]);
    let map = matrix(TensorElement::F32, values, [75, 188], [16, 96]);
    let sums = machine.upload(&[1.0_f32; 192]);
    let arguments: &[&[u8]] = &[&map.encode(), &5_i32.to_le_bytes(), &sums.to_le_bytes()];
    machine.try_launch("column_sums", SUMS, arguments)
}

type Run = fn(&Machine) -> Result<(), LaunchError>;

#[test]
fn faults_are_found() {
    let cases: [(&str, &str, Run, Kind, &[&str]); 7] = [
        // Nobody waits for what is read by the store.
        (
            "cp.async.bulk.wait_group.read 0;",
            "",
            scale,
            Kind::SharedRace,
            &["cp.async.bulk.wait_group.read"],
        ),
        // Fewer bytes are expected than come: the phase never ends.
        (
            "mov.u32 \t%r55, 6144;",
            "mov.u32 \t%r55, 4096;",
            sum,
            Kind::Deadlock,
            &["-2048 bytes"],
        ),
        // More bytes are expected than come.
        (
            "mov.u32 \t%r55, 6144;",
            "mov.u32 \t%r55, 8192;",
            sum,
            Kind::Deadlock,
            &["2048 bytes"],
        ),
        // A stage is filled again before it was emptied.
        (
            "mbarrier.try_wait.parity.shared::cta.b64 P_OUT, [%r12], %r10;",
            "setp.eq.u32 P_OUT, 0, 0;",
            sum,
            Kind::SharedRace,
            &["cp.async.bulk.tensor"],
        ),
        // The mask names a block that there is not.
        (
            "mov.u16 \t%rs1, 15;",
            "mov.u16 \t%rs1, 31;",
            share,
            Kind::InvalidInstruction,
            &["0x1f", "has 4"],
        ),
        // What is sent is not waited for.
        (
            "mbarrier.try_wait.parity.shared::cta.b64 P_OUT, [%r23], %r24;",
            "setp.eq.u32 P_OUT, 0, 0;",
            pass_on,
            Kind::SharedRace,
            &["cp.async.bulk.shared::cluster.shared::cta"],
        ),
        // The instruction names another rank than the map has.
        (
            "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%r14], [%rd7, {%r2, %r3}]",
            "cp.async.bulk.tensor.1d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%r14], [%rd7, {%r2}]",
            scale,
            Kind::InvalidInstruction,
            &["2 dimensions"],
        ),
    ];
    for (from, to, run, kind, words) in cases {
        for reports in with_fault((from, to), run) {
            let all: Vec<_> = reports.iter().map(Report::to_string).collect();
            let found = reports.iter().filter(|report| report.kind == kind);
            let found = found
                .map(Report::to_string)
                .find(|text| words.iter().all(|word| text.contains(word)));
            assert!(found.is_some(), "{from} -> {to}: {}", all.join("\n"));
        }
    }
}
