//! Copies of boxes of tensors: every element is where a reference puts it that walks element by element, and
//! swizzles as CUTLASS describes it, by bits of the address.

use fastrand::Rng;
use ptx_sim::{
    Checks, Device, Fill, Interleave, Kind, LaunchError, Options, Swizzle, TensorBox,
    TensorElement, TensorMap,
};

use crate::machine::{Machine, line};

/// The bytes of shared memory that a box may have.
const ROOM: usize = 32768;

/// A kernel for a copy of so many dimensions: `load` copies a box and then all of the tile to `data`; `store`
/// the other way round. `$copy` is what is done with the tile, the map, the coordinates and the mbarrier.
fn kernel(name: &str, rank: usize, copy: &str, is_load: bool) -> String {
    let coordinates: Vec<String> = (0..rank).map(|at| format!("%c{at}")).collect();
    let offsets: Vec<String> = (0..rank.saturating_sub(2))
        .map(|at| format!("%o{at}"))
        .collect();
    let copy = copy
        .replace("$map", &format!("[%map, {{{}}}]", coordinates.join(", ")))
        .replace("$offsets", &format!("{{{}}}", offsets.join(", ")));
    let arguments: String = (0..5)
        .map(|at| format!("ld.param.s32 %c{at}, [at+{}];\n", 4 * at))
        .chain((0..3).map(|at| format!("ld.param.u16 %o{at}, [offsets+{}];\n", 2 * at)))
        .collect();
    let (before, after) = if is_load {
        (
            format!(
                "@%p1 mbarrier.arrive.expect_tx.shared.b64 _, [bar], %count; @%p1 {copy}\n\
                 WAIT: mbarrier.try_wait.parity.shared.b64 %p2, [bar], 0; @!%p2 bra WAIT;"
            ),
            "ld.shared.u32 %w, [%from]; st.global.u32 [%to], %w;".to_owned(),
        )
    } else {
        (
            String::new(),
            format!(
                "DONE: fence.proxy.async.shared::cta; bar.sync 0; @%p1 {copy}\n\
                 @%p1 cp.async.bulk.commit_group; @%p1 cp.async.bulk.wait_group 0; ret;"
            ),
        )
    };
    let (inner, behind) = match is_load {
        true => (after.as_str(), "DONE: ret;"),
        false => (
            "ld.global.u32 %w, [%to]; st.shared.u32 [%from], %w;",
            after.as_str(),
        ),
    };
    format!(
        ".visible .entry {name}(.param .align 64 .b8 map[128], .param .u64 data, .param .align 4 .b8 at[20],\n\
         .param .align 2 .b8 offsets[6], .param .u32 count, .param .u32 skipped)\n{{\n\
         .shared .align 1024 .b8 tile[{ROOM}]; .shared .align 8 .b64 bar;\n\
         .reg .pred %p<4>; .reg .b16 %o<3>; .reg .b32 %c<5>, %w, %i, %from, %tile, %count, %skipped;\n\
         .reg .b64 %map, %data, %to;\n\
         mov.b64 %map, map; cvta.param.u64 %map, %map; ld.param.u64 %data, [data];\n\
         ld.param.u32 %count, [count]; ld.param.u32 %skipped, [skipped];\n{arguments}\
         mov.u32 %tile, tile; add.u32 %tile, %tile, %skipped; mov.u32 %i, %tid.x;\n\
         setp.eq.u32 %p1, %i, 0; @%p1 mbarrier.init.shared.b64 [bar], 1; bar.sync 0;\n{before}\n\
         shl.b32 %i, %i, 2;\n\
         MORE: setp.ge.u32 %p3, %i, %count; @%p3 bra DONE; cvt.u64.u32 %to, %i;\n\
         add.u64 %to, %data, %to; add.u32 %from, %tile, %i; {inner}\n\
         add.u32 %i, %i, 128; bra MORE;\n{behind}\n}}\n"
    )
}

fn module() -> String {
    let mut ptx = ".version 8.6\n.target sm_90a\n.address_size 64\n".to_owned();
    for rank in 1..=5 {
        let name = |kind: &str| format!("{kind}{rank}");
        let load = format!("cp.async.bulk.tensor.{rank}d.shared::cluster.global");
        let store = format!("cp.async.bulk.tensor.{rank}d.global.shared::cta");
        let update = format!("cp.reduce.async.bulk.tensor.{rank}d.global.shared::cta.add");
        let by = "mbarrier::complete_tx::bytes";
        ptx += &kernel(
            &name("load"),
            rank,
            &format!("{load}.tile.{by} [%tile], $map, [bar];"),
            true,
        );
        ptx += &kernel(
            &name("store"),
            rank,
            &format!("{store}.bulk_group $map, [%tile];"),
            false,
        );
        ptx += &kernel(
            &name("update"),
            rank,
            &format!("{update}.tile.bulk_group $map, [%tile];"),
            false,
        );
        if rank > 2 {
            let column = format!("{load}.im2col.{by} [%tile], $map, [bar], $offsets;");
            ptx += &kernel(&name("column"), rank, &column, true);
            let store = format!("{store}.im2col_no_offs.bulk_group $map, [%tile];");
            ptx += &kernel(&name("store_column"), rank, &store, false);
        }
    }
    ptx
}

/// Where CUTLASS' `Swizzle<bits, base, shift>` puts an address.
fn swizzled(swizzle: Swizzle, address: usize) -> usize {
    let (bits, base, shift) = match swizzle {
        Swizzle::None => (0, 4, 3),
        Swizzle::Span32 => (1, 4, 3),
        Swizzle::Span64 => (2, 4, 3),
        Swizzle::Span128 => (3, 4, 3),
        Swizzle::Span128Atom32 => (2, 5, 2),
        other => panic!("{other:?} is not copied"),
    };
    let mask = ((1 << bits) - 1) << (base + shift);
    address ^ (address & mask) >> shift
}

/// The coordinates of all elements of a box, in the order in which they lie in it.
fn walk(map: &TensorMap, at: &[i32; 5], offsets: &[u16; 3]) -> Vec<[i64; 5]> {
    let mut all = Vec::new();
    match map.part {
        TensorBox::Tiled(counts) => {
            // An odometer over the traversed box.
            let mut position = [0; 5];
            loop {
                let index = |d: usize| i64::from(at[d]) + i64::from(position[d]);
                all.push(std::array::from_fn(
                    |d| if d < map.rank { index(d) } else { 0 },
                ));
                let mut dimension = 0;
                loop {
                    if dimension == map.rank {
                        return all;
                    }
                    position[dimension] += if dimension == 0 {
                        1
                    } else {
                        map.steps[dimension]
                    };
                    if position[dimension] < counts[dimension] {
                        break;
                    }
                    position[dimension] = 0;
                    dimension += 1;
                }
            }
        }
        TensorBox::Im2col {
            lower,
            upper,
            channels,
            pixels,
        } => {
            // The base of the filter goes on pixel by pixel, and turns around at the corners.
            let mut base = at.map(i64::from);
            for _ in 0..pixels {
                for channel in 0..i64::from(channels) {
                    let mut index = base;
                    index[0] += channel;
                    for dimension in 1..map.rank - 1 {
                        index[dimension] += i64::from(offsets[dimension - 1]);
                    }
                    all.push(index);
                }
                for dimension in 1..map.rank {
                    if dimension == map.rank - 1 {
                        base[dimension] += 1;
                        break;
                    }
                    base[dimension] += i64::from(map.steps[dimension]);
                    let last = map.sizes[dimension] as i64 - 1 + i64::from(upper[dimension - 1]);
                    if base[dimension] <= last {
                        break;
                    }
                    base[dimension] = lower[dimension - 1].into();
                }
            }
            all
        }
    }
}

/// The byte of an element in the tensor, if it is in it.
fn place(map: &TensorMap, index: &[i64; 5]) -> Option<usize> {
    let mut at = 0;
    for (dimension, &index) in index[..map.rank].iter().enumerate() {
        if index < 0 || index >= map.sizes[dimension] as i64 {
            return None;
        }
        let stride = match dimension {
            0 => map.element.bytes(),
            _ => map.strides[dimension - 1],
        };
        at += index as usize * stride as usize;
    }
    Some(at)
}

/// A copy that is tried.
struct Trial {
    map: TensorMap,
    at: [i32; 5],
    offsets: [u16; 3],
    /// Where the box begins in the tile.
    skipped: u32,
    tensor: Vec<u8>,
}

const ELEMENTS: [TensorElement; 10] = [
    TensorElement::U8,
    TensorElement::U16,
    TensorElement::U32,
    TensorElement::S32,
    TensorElement::U64,
    TensorElement::S64,
    TensorElement::F16,
    TensorElement::F32,
    TensorElement::F64,
    TensorElement::BF16,
];

fn draw(rng: &mut Rng, is_im2col: bool) -> Trial {
    let element = ELEMENTS[rng.usize(..ELEMENTS.len())];
    let rank = rng.usize(if is_im2col { 3 } else { 1 }..=5);
    let swizzle = Swizzle::ALL[rng.usize(..5)];
    let bytes = element.bytes();
    let most = if bytes == 1 { 16 } else { 16 / bytes as u32 };
    let row = match swizzle.span() {
        Some(span) => span as u32 / bytes as u32,
        None => most * rng.u32(1..=(64 / most).min(5)),
    };
    let mut sizes = [1; 5];
    sizes[0] = rng.u64(1..=2 * u64::from(row));
    for size in &mut sizes[1..rank] {
        *size = rng.u64(1..=9);
    }
    let mut strides = [0; 4];
    let mut stride = (sizes[0] * bytes).next_multiple_of(16) + 16 * rng.u64(..3);
    for dimension in 1..rank {
        strides[dimension - 1] = stride;
        stride = stride * sizes[dimension] + 16 * rng.u64(..3);
    }
    let mut steps = [1; 5];
    if rng.bool() {
        for step in &mut steps[1..rank] {
            *step = rng.u32(1..=3);
        }
    }
    let mut at = [0; 5];
    let (mut lower, mut upper, mut offsets) = ([0; 3], [0; 3], [0; 3]);
    let part = if is_im2col {
        at[0] = rng.i32(-2..=sizes[0] as i32);
        for dimension in 1..rank - 1 {
            let size = sizes[dimension] as i32;
            lower[dimension - 1] = rng.i32(-3..=0);
            upper[dimension - 1] = rng.i32(lower[dimension - 1] + 1 - size..=2);
            at[dimension] = rng.i32(lower[dimension - 1]..size + upper[dimension - 1]);
            offsets[dimension - 1] = rng.u16(..4);
        }
        at[rank - 1] = rng.i32(-1..=sizes[rank - 1] as i32);
        let pixels = rng.u32(1..=40);
        TensorBox::Im2col {
            lower,
            upper,
            channels: row,
            pixels,
        }
    } else {
        let mut counts = [1; 5];
        counts[0] = row;
        let mut bytes = row * bytes as u32;
        for count in &mut counts[1..rank] {
            *count = rng.u32(1..=7).min(ROOM as u32 / 4 / bytes).max(1);
            bytes *= *count;
        }
        for dimension in 0..rank {
            at[dimension] = rng.i32(-3..=sizes[dimension] as i32 + 1);
        }
        TensorBox::Tiled(counts)
    };
    let map = TensorMap {
        element,
        rank,
        address: 0,
        sizes,
        strides,
        part,
        steps,
        interleave: Interleave::None,
        swizzle,
        fill: Fill::ALL[rng.usize(..if element.is_float() { 2 } else { 1 })],
    };
    let extent = map.strides[..rank - 1].iter().zip(&sizes[1..]);
    let extent: u64 = extent.map(|(stride, size)| stride * (size - 1)).sum();
    Trial {
        map,
        at,
        offsets,
        skipped: 128 * rng.u32(..8),
        tensor: (0..extent + sizes[0] * bytes).map(|_| rng.u8(..)).collect(),
    }
}

impl Trial {
    /// Runs a kernel of the module over a buffer that holds as many bytes as the box has; returns the buffer
    /// and the tensor.
    fn run(&self, machine: &Machine, name: &str, data: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let (tensor, buffer) = (machine.upload(&self.tensor), machine.upload(data));
        let map = TensorMap {
            address: tensor,
            ..self.map
        };
        map.check().unwrap();
        let name = format!("{name}{}", map.rank);
        let count = data.len() as u32;
        machine.launch(
            &name,
            line(1, 32),
            &[
                &map.encode(),
                &buffer.to_le_bytes(),
                bytemuck::cast_slice(&self.at),
                bytemuck::cast_slice(&self.offsets),
                &count.to_le_bytes(),
                &self.skipped.to_le_bytes(),
            ],
        );
        let results = (
            machine.download(buffer, data.len()),
            machine.download(tensor, self.tensor.len()),
        );
        for memory in [tensor, buffer] {
            machine.device.memory().free(memory).unwrap();
        }
        results
    }

    /// Each element of the box: its byte in the tile, and in the tensor, if it is there.
    fn elements(&self) -> Vec<(usize, Option<usize>)> {
        let (bytes, skipped) = (self.map.element.bytes() as usize, self.skipped as usize);
        walk(&self.map, &self.at, &self.offsets)
            .iter()
            .enumerate()
            .map(|(number, index)| {
                let tile = swizzled(self.map.swizzle, skipped + number * bytes) - skipped;
                (tile, place(&self.map, index))
            })
            .collect()
    }
}

fn try_loads(is_im2col: bool, trials: usize, seed: u64) {
    let machine = Machine::new("h100", &module(), 1);
    let mut rng = Rng::with_seed(seed);
    let mut inside = 0;
    for number in 0..trials {
        let trial = draw(&mut rng, is_im2col);
        let bytes = trial.map.element.bytes() as usize;
        let elements = trial.elements();
        let name = if is_im2col { "column" } else { "load" };
        let (found, _) = trial.run(&machine, name, &vec![0xee; elements.len() * bytes]);
        for &(tile, place) in &elements {
            let found = &found[tile..tile + bytes];
            match place {
                Some(at) => {
                    inside += 1;
                    assert_eq!(
                        found,
                        &trial.tensor[at..at + bytes],
                        "{number}: {:?}",
                        trial.map
                    );
                }
                None if trial.map.fill == Fill::Zero => {
                    assert!(found.iter().all(|&byte| byte == 0))
                }
                None => assert!(is_nan(trial.map.element, found), "{found:x?}"),
            }
        }
    }
    assert!(inside > 20 * trials, "{inside} elements inside");
}

fn is_nan(element: TensorElement, bytes: &[u8]) -> bool {
    let mut bits = [0; 8];
    bits[..bytes.len()].copy_from_slice(bytes);
    let bits = u64::from_le_bytes(bits);
    match element {
        TensorElement::F16 => half::f16::from_bits(bits as u16).is_nan(),
        TensorElement::BF16 => half::bf16::from_bits(bits as u16).is_nan(),
        TensorElement::F32 => f32::from_bits(bits as u32).is_nan(),
        _ => f64::from_bits(bits).is_nan(),
    }
}

#[test]
fn boxes_are_loaded() {
    try_loads(false, 300, 1);
}

#[test]
fn columns_are_loaded() {
    try_loads(true, 200, 2);
}

#[test]
fn boxes_are_stored_within_their_tensor() {
    let machine = Machine::new("h100", &module(), 1);
    let mut rng = Rng::with_seed(3);
    for number in 0..200 {
        let is_im2col = number % 4 == 3;
        let mut trial = draw(&mut rng, is_im2col);
        if is_im2col {
            trial.offsets = [0; 3];
        }
        let bytes = trial.map.element.bytes() as usize;
        let elements = trial.elements();
        let data: Vec<u8> = (0..elements.len() * bytes).map(|_| rng.u8(..)).collect();
        let name = if is_im2col { "store_column" } else { "store" };
        let mut expected = trial.tensor.clone();
        for &(tile, place) in &elements {
            if let Some(at) = place {
                expected[at..at + bytes].copy_from_slice(&data[tile..tile + bytes]);
            }
        }
        let (_, found) = trial.run(&machine, name, &data);
        assert_eq!(found, expected, "{number}: {:?}", trial.map);
    }
}

#[test]
fn boxes_are_added_to_their_tensor() {
    let machine = Machine::new("h100", &module(), 1);
    let mut rng = Rng::with_seed(4);
    let mut tried = 0;
    while tried < 60 {
        let mut trial = draw(&mut rng, false);
        let elements = trial.elements();
        let bytes = trial.map.element.bytes() as usize;
        // Halves that are small numbers have exact sums.
        let small = |rng: &mut Rng| half::f16::from_f32(rng.i32(-99..99) as f32).to_bits();
        let mut data: Vec<u8> = (0..elements.len() * bytes).map(|_| rng.u8(..)).collect();
        let add: fn(&mut [u8], &[u8]) = match trial.map.element {
            TensorElement::U32 | TensorElement::S32 => |old, new| {
                let sum = word(old).wrapping_add(word(new));
                old.copy_from_slice(&(sum as u32).to_le_bytes());
            },
            TensorElement::U64 => |old, new| {
                let sum = word(old).wrapping_add(word(new));
                old.copy_from_slice(&sum.to_le_bytes());
            },
            TensorElement::F16 => {
                for bytes in [&mut data, &mut trial.tensor] {
                    let whole = bytes.len() & !1;
                    for half in bytes[..whole].chunks_exact_mut(2) {
                        half.copy_from_slice(&small(&mut rng).to_le_bytes());
                    }
                }
                |old, new| {
                    let value = |bytes: &[u8]| half::f16::from_bits(word(bytes) as u16);
                    let sum = value(old).to_f32() + value(new).to_f32();
                    old.copy_from_slice(&half::f16::from_f32(sum).to_bits().to_le_bytes());
                }
            }
            _ => continue,
        };
        tried += 1;
        let mut expected = trial.tensor.clone();
        for &(tile, place) in &elements {
            if let Some(at) = place {
                add(&mut expected[at..at + bytes], &data[tile..tile + bytes]);
            }
        }
        let (_, found) = trial.run(&machine, "update", &data);
        assert_eq!(found, expected, "{tried}: {:?}", trial.map);
    }
}

fn word(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(word)
}

/// The singles that a load of `TFLOAT32` and its like makes of others.
#[test]
fn singles_are_rounded() {
    let machine = Machine::new("h100", &module(), 1);
    let values = [
        1.0_f32,
        0.1,
        -0.3,
        1.5e-40,
        -1e-45,
        f32::INFINITY,
        f32::NAN,
        f32::MAX,
        1.0 + 1.0 / 2048.0,
        1.0 + 3.0 / 2048.0,
        0.0,
        -0.0,
        3.0,
        7e-39,
        1e-38,
        -2.5,
    ];
    for (element, rounds, flushes) in [
        (TensorElement::F32, false, false),
        (TensorElement::F32Ftz, false, true),
        (TensorElement::Tf32, true, false),
        (TensorElement::Tf32Ftz, true, true),
    ] {
        let trial = Trial {
            map: TensorMap {
                element,
                rank: 1,
                address: 0,
                sizes: [16, 1, 1, 1, 1],
                strides: [0; 4],
                part: TensorBox::Tiled([16, 1, 1, 1, 1]),
                steps: [1; 5],
                interleave: Interleave::None,
                swizzle: Swizzle::None,
                fill: Fill::Zero,
            },
            at: [0; 5],
            offsets: [0; 3],
            skipped: 0,
            tensor: bytemuck::cast_slice(&values).to_vec(),
        };
        let (found, _) = trial.run(&machine, "load", &[0; 64]);
        for (bytes, value) in found.chunks_exact(4).zip(values) {
            let found = f32::from_bits(word(bytes) as u32);
            let mut expected = value;
            if flushes && value.is_subnormal() {
                expected = 0.0_f32.copysign(value);
            }
            if rounds && expected.is_finite() && expected != 0.0 {
                // A number of 10 bits behind the point, by arithmetic that is exact in doubles.
                let exponent = (f64::from(expected.abs()).log2().floor() as i32).max(-126);
                let unit = 2.0_f64.powi(exponent - 10);
                expected = ((f64::from(expected) / unit).round_ties_even() * unit) as f32;
            }
            let same = found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan();
            assert!(
                same,
                "{element:?} of {value:e}: {found:e}, not {expected:e}"
            );
        }
    }
}

/// What must not be: the map's bytes, its address, the alignment of the box, the instruction's dimensions.
#[test]
fn wrong_copies_are_refused() {
    let machine = Machine::new("h100", &module(), 1);
    let good = TensorMap {
        element: TensorElement::F32,
        rank: 2,
        address: machine.upload(&[1.0_f32; 64 * 8]),
        sizes: [64, 8, 1, 1, 1],
        strides: [256, 0, 0, 0],
        part: TensorBox::Tiled([32, 4, 1, 1, 1]),
        steps: [1; 5],
        interleave: Interleave::None,
        swizzle: Swizzle::None,
        fill: Fill::Zero,
    };
    let data = machine.allocate::<u8>(1024);
    let attempt = |name: &str, map: &[u8; 128], skipped: u32| {
        let arguments: &[&[u8]] = &[
            map,
            &data.to_le_bytes(),
            &[0; 20],
            &[0; 6],
            &512_u32.to_le_bytes(),
            &skipped.to_le_bytes(),
        ];
        machine.try_launch(name, line(1, 32), arguments)
    };
    assert!(attempt("load2", &good.encode(), 0).is_ok());
    let columns = TensorBox::Im2col {
        lower: [0; 3],
        upper: [0; 3],
        channels: 4,
        pixels: 32,
    };
    let cases: [(&str, TensorMap, u32, Kind, &str); 10] = [
        ("load2", good, 64, Kind::Misaligned, "no multiple of 128"),
        (
            "load3",
            good,
            0,
            Kind::InvalidInstruction,
            "2 dimensions, the instruction is for 3",
        ),
        (
            "load2",
            TensorMap {
                address: good.address + 8,
                ..good
            },
            0,
            Kind::InvalidInstruction,
            "no multiple of 16",
        ),
        (
            "load2",
            TensorMap {
                strides: [264, 0, 0, 0],
                ..good
            },
            0,
            Kind::InvalidInstruction,
            "stride of dimension 1",
        ),
        (
            "load2",
            TensorMap {
                part: TensorBox::Tiled([31, 4, 1, 1, 1]),
                ..good
            },
            0,
            Kind::InvalidInstruction,
            "no multiple of 16",
        ),
        (
            "load2",
            TensorMap {
                swizzle: Swizzle::Span64,
                ..good
            },
            0,
            Kind::InvalidInstruction,
            "more than the 64",
        ),
        (
            "load2",
            TensorMap {
                part: TensorBox::Tiled([16, 4, 1, 1, 1]),
                swizzle: Swizzle::Span128,
                ..good
            },
            0,
            Kind::InvalidInstruction,
            "not known",
        ),
        (
            "load2",
            TensorMap {
                sizes: [64, 9, 1, 1, 1],
                part: TensorBox::Tiled([32, 9, 1, 1, 1]),
                ..good
            },
            0,
            Kind::OutOfBounds,
            "copies asynchronously from 128 bytes",
        ),
        (
            "column3",
            TensorMap { rank: 3, ..good },
            0,
            Kind::InvalidInstruction,
            "it is of tiles",
        ),
        (
            "load3",
            TensorMap {
                rank: 3,
                part: columns,
                sizes: [64, 2, 4, 1, 1],
                strides: [256, 512, 0, 0],
                ..good
            },
            0,
            Kind::InvalidInstruction,
            "it is of im2col",
        ),
    ];
    for (name, map, skipped, kind, words) in cases {
        match attempt(name, &map.encode(), skipped) {
            Err(LaunchError::Fault(report)) => {
                assert_eq!(report.kind, kind, "{report}");
                assert!(report.to_string().contains(words), "{report}");
            }
            other => panic!("{words}: {other:?}"),
        }
    }
    match attempt("load2", &[0; 128], 0) {
        Err(LaunchError::Fault(report)) => assert!(report.to_string().contains("no"), "{report}"),
        other => panic!("{other:?}"),
    }
}

/// What a check that is off lets pass does no harm.
#[test]
fn checks_may_be_off() {
    for list in ["none", "-alignment", "-bounds", "-bounds,-alignment"] {
        let mut machine = Machine::new("h100", &module(), 1);
        machine.device = Device::new(Options {
            checks: Checks::from_list(list).unwrap(),
            ..Options::default()
        });
        machine.program = machine.device.load(&module()).unwrap();
        let mut rng = Rng::with_seed(5);
        let data = machine.allocate::<u8>(65536);
        for number in 0..60_u32 {
            let is_im2col = number % 5 == 4;
            let trial = draw(&mut rng, is_im2col);
            // A tensor that is not there, in part or at all, and boxes anywhere in shared memory.
            let address = data + 65536 - 16 * rng.u64(..64) + (u64::from(number % 3) << 40);
            let map = TensorMap {
                address,
                ..trial.map
            };
            let kind = ["load", "store", "update"][number as usize % 3];
            let kind = if is_im2col { "column" } else { kind };
            let skipped = [0, 4, 16, 64, 1 << 20, 0xffff_ff00][rng.usize(..6)];
            let arguments: &[&[u8]] = &[
                &map.encode(),
                &data.to_le_bytes(),
                bytemuck::cast_slice(&trial.at),
                bytemuck::cast_slice(&trial.offsets),
                &[0; 4],
                &u32::to_le_bytes(skipped),
            ];
            // That it returns is what counts: an error, or results of no meaning.
            let result = machine.try_launch(&format!("{kind}{}", map.rank), line(1, 32), arguments);
            if let Err(LaunchError::Fault(report)) = result {
                assert!(
                    report.kind != Kind::Misaligned || !list.contains("alignment"),
                    "{report}"
                );
                assert!(
                    report.kind != Kind::OutOfBounds || !list.contains("bounds"),
                    "{report}"
                );
            }
        }
    }
}
