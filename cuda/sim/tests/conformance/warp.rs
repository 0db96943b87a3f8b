//! What the lanes of a warp do together, against the pseudo-code of the PTX manual: in whole warps,
//! with masks for a part, in divergent code, in the last warp of a block, and with lanes that ended.

use fastrand::Rng;

use crate::program::{Program, elements, fill};

const FULL: u32 = !0;

/// `shfl` of a lane: where it reads from, and whether that is in range.
fn shuffle(mode: &str, lane: u32, b: u32, c: u32) -> (u32, bool) {
    let (lane, b) = (lane as i32, (b & 31) as i32);
    let (clamp, segment) = ((c & 31) as i32, (c >> 8 & 31) as i32);
    let max_lane = lane & segment | clamp & !segment;
    let min_lane = lane & segment;
    let (source, inside) = match mode {
        "up" => (lane - b, lane - b >= max_lane),
        "down" => (lane + b, lane + b <= max_lane),
        "bfly" => (lane ^ b, lane ^ b <= max_lane),
        _ => {
            let source = min_lane | b & !segment;
            (source, source <= max_lane)
        }
    };
    (if inside { source } else { lane } as u32, inside)
}

const MODES: [&str; 4] = ["up", "down", "bfly", "idx"];

pub fn programs() -> Vec<Program> {
    let mut programs = Vec::new();
    shuffles(&mut programs);
    widths(&mut programs);
    votes(&mut programs);
    matches(&mut programs);
    reductions(&mut programs);
    masks(&mut programs);
    divergent(&mut programs);
    ended(&mut programs);
    programs
}

/// All modes with any offset, clamp and segment, in registers that differ from lane to lane.
fn shuffles(programs: &mut Vec<Program>) {
    let mut rng = Rng::with_seed(1);
    let threads = 32 * 256;
    for mode in MODES {
        // Bits that do not count are set, too.
        let draws: Vec<[u32; 3]> = (0..threads)
            .map(|_| [rng.u32(..), rng.u32(..), rng.u32(..)])
            .collect();
        let expected: Vec<u32> = (0..threads)
            .flat_map(|i| {
                let [_, b, c] = draws[i];
                let (source, inside) = shuffle(mode, i as u32 % 32, b, c);
                [draws[i / 32 * 32 + source as usize][0], inside.into()]
            })
            .collect();
        let body = fill(
            "ld.global.u32 %w1, [%from]; ld.global.u32 %w2, [%from+4];\n\
             ld.global.u32 %w3, [%from+8];\n\
             shfl.sync.$mode.b32 %w4|%p0, %w1, %w2, %w3, 0xffffffff;\n\
             selp.u32 %w5, 1, 0, %p0; st.global.v2.u32 [%to], {%w4, %w5};",
            &[("mode", mode)],
        );
        let program = Program::new(format!("shfl.{mode}"), body)
            .shape(threads as u32 / 128, 128)
            .strides(12, 8);
        programs.push(program.input(&draws.concat()).expect(expected));
    }
}

/// The segments that `__shfl_up_sync` and its like make of a width, in CUDA's words.
fn widths(programs: &mut Vec<Program>) {
    for mode in MODES {
        for width in [1_u32, 2, 4, 8, 16, 32] {
            for delta in [0_u32, 1, 2, 3, 7, 16, 31] {
                let c = (32 - width) << 8 | if mode == "up" { 0 } else { 31 };
                let source = |lane: u32| {
                    let (base, at) = (lane / width * width, lane % width);
                    let source = match mode {
                        "up" => at.checked_sub(delta),
                        "down" => Some(at + delta).filter(|&at| at < width),
                        "idx" => Some(delta % width),
                        // A partner of a lower segment can be read, one of a higher cannot.
                        _ => {
                            let partner = lane ^ delta;
                            return if partner < base + width {
                                partner
                            } else {
                                lane
                            };
                        }
                    };
                    source.map_or(lane, |at| base + at)
                };
                let body = format!(
                    "mul.lo.u32 %w1, %i, 3; shfl.sync.{mode}.b32 %w2, %w1, {delta}, {c}, -1;\n\
                     st.global.u32 [%to], %w2;"
                );
                let name = format!("shfl.{mode} by {delta} in segments of {width}");
                programs
                    .push(Program::new(name, body).expect((0..32).map(|lane| 3 * source(lane))));
            }
        }
    }
}

/// `vote`, in the warps of blocks of any size.
fn votes(programs: &mut Vec<Program>) {
    let body = "ld.global.u32 %w1, [%from]; setp.ne.u32 %p0, %w1, 0;\n\
         activemask.b32 %w2;\n\
         vote.sync.ballot.b32 %w3, %p0, %w2; vote.ballot.sync.b32 %w4, !%p0, %w2;\n\
         vote.sync.all.pred %p1, %p0, %w2; selp.u32 %w5, 1, 0, %p1;\n\
         vote.sync.any.pred %p1, %p0, %w2; selp.u32 %w6, 2, 0, %p1; or.b32 %w5, %w5, %w6;\n\
         vote.sync.uni.pred %p1, %p0, %w2; selp.u32 %w6, 4, 0, %p1; or.b32 %w5, %w5, %w6;\n\
         vote.sync.all.pred %p1, !%p0, %w2; selp.u32 %w6, 8, 0, %p1; or.b32 %w5, %w5, %w6;\n\
         vote.any.sync.pred %p1, !%p0, %w2; selp.u32 %w6, 16, 0, %p1; or.b32 %w5, %w5, %w6;\n\
         st.global.v4.u32 [%to], {%w2, %w3, %w4, %w5};";
    let mut rng = Rng::with_seed(2);
    for threads in [1_usize, 2, 31, 32, 33, 63, 64, 97, 1024] {
        for sparse in [0, 1, 2, 3] {
            let values: Vec<u32> = (0..threads)
                .map(|_| match sparse {
                    0 => 0,
                    1 => 1,
                    2 => rng.u32(..2),
                    _ => u32::from(rng.u32(..64) == 0),
                })
                .collect();
            let expected: Vec<u32> = (0..threads)
                .flat_map(|i| {
                    let warp = &values[i / 32 * 32..(i / 32 * 32 + 32).min(threads)];
                    let mask = FULL >> (32 - warp.len());
                    let yes = warp
                        .iter()
                        .enumerate()
                        .fold(0, |yes, (lane, &it)| yes | it << lane);
                    let flags = [
                        yes == mask,
                        yes != 0,
                        yes == 0 || yes == mask,
                        yes == 0,
                        yes != mask,
                    ];
                    let flags = flags
                        .iter()
                        .rev()
                        .fold(0, |flags, &it| flags << 1 | u32::from(it));
                    [mask, yes, mask & !yes, flags]
                })
                .collect();
            let program = Program::new(format!("vote in {threads} threads, kind {sparse}"), body);
            programs.push(
                program
                    .shape(1, threads as u32)
                    .strides(4, 16)
                    .input(&values)
                    .expect(expected),
            );
        }
    }
}

fn matches(programs: &mut Vec<Program>) {
    let mut rng = Rng::with_seed(3);
    for threads in [1_usize, 31, 32, 33, 63, 256] {
        for kinds in [1_u64, 2, 5, 32, u64::MAX] {
            let values: Vec<u64> = (0..threads)
                .map(|_| {
                    let draw = rng.u64(..kinds);
                    // Differences in the upper half alone count in 64 bits, and not in 32.
                    draw << 32 | draw & 3
                })
                .collect();
            let expected: Vec<u32> = (0..threads)
                .flat_map(|i| {
                    let warp = &values[i / 32 * 32..(i / 32 * 32 + 32).min(threads)];
                    let mask = FULL >> (32 - warp.len());
                    let any = |same: &dyn Fn(u64) -> bool| {
                        let bits = warp.iter().enumerate();
                        bits.fold(0_u32, |bits, (lane, &it)| {
                            bits | u32::from(same(it)) << lane
                        })
                    };
                    let narrow = any(&|it| it as u32 == values[i] as u32);
                    let wide = any(&|it| it == values[i]);
                    let all = |same: u32| if same == mask { [mask, 1] } else { [0, 0] };
                    let [narrow_all, narrow_flag] = all(narrow);
                    let [wide_all, wide_flag] = all(wide);
                    let flags = narrow_flag | wide_flag << 1;
                    [narrow, wide, narrow_all, wide_all, flags, 0]
                })
                .collect();
            let body = "ld.global.u64 %l0, [%from]; cvt.u32.u64 %w1, %l0; activemask.b32 %w2;\n\
                 match.any.sync.b32 %w3, %w1, %w2; match.any.sync.b64 %w4, %l0, %w2;\n\
                 match.all.sync.b32 %w5|%p0, %w1, %w2; match.all.sync.b64 %w6|%p1, %l0, %w2;\n\
                 match.all.sync.b32 %w9, %w1, %w2; sub.u32 %w9, %w9, %w5;\n\
                 selp.u32 %w7, 1, 0, %p0; selp.u32 %w8, 2, 0, %p1; or.b32 %w7, %w7, %w8;\n\
                 st.global.v2.u32 [%to], {%w3, %w4}; st.global.v2.u32 [%to+8], {%w5, %w6};\n\
                 st.global.v2.u32 [%to+16], {%w7, %w9};";
            let program = Program::new(format!("match of {kinds} kinds in {threads}"), body);
            programs.push(
                program
                    .shape(1, threads as u32)
                    .strides(8, 24)
                    .input(&values)
                    .expect(expected),
            );
        }
    }
}

type Fold = fn(u32, u32) -> u32;

fn reductions(programs: &mut Vec<Program>) {
    let folds: [(&str, Fold); 9] = [
        ("add.u32", u32::wrapping_add),
        ("add.s32", u32::wrapping_add),
        ("min.u32", u32::min),
        ("max.u32", u32::max),
        ("min.s32", |a, b| (a as i32).min(b as i32) as u32),
        ("max.s32", |a, b| (a as i32).max(b as i32) as u32),
        ("and.b32", |a, b| a & b),
        ("or.b32", |a, b| a | b),
        ("xor.b32", |a, b| a ^ b),
    ];
    let mut rng = Rng::with_seed(4);
    for (name, fold) in folds {
        for threads in [1_usize, 31, 32, 33, 63, 512] {
            let bits = rng.u32(..);
            let values: Vec<u32> = (0..threads)
                .map(|_| match name {
                    // Bits that all or none have.
                    "and.b32" | "or.b32" => bits ^ 1 << rng.u32(..8),
                    _ => rng.u32(..),
                })
                .collect();
            let expected: Vec<u32> = (0..threads)
                .map(|i| {
                    let warp = &values[i / 32 * 32..(i / 32 * 32 + 32).min(threads)];
                    warp.iter().copied().reduce(fold).unwrap()
                })
                .collect();
            let body = format!(
                "ld.global.u32 %w1, [%from]; activemask.b32 %w2;\n\
                 redux.sync.{name} %w3, %w1, %w2; st.global.u32 [%to], %w3;"
            );
            let program = Program::new(format!("redux.{name} in {threads}"), body);
            programs.push(
                program
                    .shape(1, threads as u32)
                    .input(&values)
                    .expect(expected),
            );
        }
    }
}

/// The lanes of a mask meet, and the others are somewhere else.
fn masks(programs: &mut Vec<Program>) {
    for mask in [
        1_u32,
        0x8000_0000,
        0xffff,
        0xffff_0000,
        0x5555_5555,
        0x8421_8421,
        0x7fff_ffff,
        FULL,
    ] {
        let body = format!(
            "mov.u32 %w9, 0; mov.u32 %w8, 0; mov.u32 %w7, 0; mov.u32 %w6, 0;\n\
             mov.u32 %w1, {mask}; mov.u32 %w2, 1; shl.b32 %w2, %w2, %i; and.b32 %w2, %w1, %w2;\n\
             setp.eq.u32 %p0, %w2, 0; @%p0 bra OTHERS;\n\
             add.u32 %w3, %i, 100;\n\
             shfl.sync.idx.b32 %w9|%p1, %w3, {first}, 31, %w1;\n\
             redux.sync.add.u32 %w8, %w3, %w1;\n\
             elect.sync %w7|%p2, %w1; selp.u32 %w7, 1, 0, %p2;\n\
             vote.sync.ballot.b32 %w6, %p1, %w1;\n\
             OTHERS: st.global.v4.u32 [%to], {{%w9, %w8, %w7, %w6}};",
            first = mask.trailing_zeros(),
        );
        let members = |lane: &u32| mask >> lane & 1 == 1;
        let sum: u32 = (0..32).filter(members).map(|lane| lane + 100).sum();
        let expected: Vec<u32> = (0..32)
            .flat_map(|lane| match members(&lane) {
                true => {
                    let first = mask.trailing_zeros();
                    // The manual lets any lane be elected, so only their number is compared.
                    [first + 100, sum, 2, mask]
                }
                false => [0; 4],
            })
            .collect();
        let program = Program::new(format!("lanes of {mask:#x}"), body).strides(4, 16);
        programs.push(program.output(&[0_u32; 128]).check(move |bytes| {
            let mut found: Vec<u32> = elements(bytes);
            let elected = found.iter().skip(2).step_by(4).sum::<u32>();
            for (at, value) in found.iter_mut().enumerate() {
                if at % 4 == 2 {
                    *value = expected[at];
                }
            }
            match elected == 1 && found == expected {
                true => Ok(()),
                false => Err(format!("{elected} are elected, found {found:?}")),
            }
        }));
    }
}

/// Lanes come to one `.sync` instruction from different paths, and to two of them on two paths.
fn divergent(programs: &mut Vec<Program>) {
    // Even and odd lanes do other things for other times, then meet.
    let body = "and.b32 %w1, %i, 1; setp.eq.u32 %p0, %w1, 0; mov.u32 %w2, %i;\n\
         @%p0 bra EVEN;\n\
         mov.u32 %w3, %i;\n\
         MORE: add.u32 %w2, %w2, 2; sub.u32 %w3, %w3, 1; setp.gt.s32 %p1, %w3, 0; @%p1 bra MORE;\n\
         bra JOIN;\n\
         EVEN: mul.lo.u32 %w2, %w2, 7;\n\
         JOIN: shfl.sync.bfly.b32 %w4, %w2, 1, 31, -1; st.global.u32 [%to], %w4;";
    let value = |lane: u32| lane * [7, 3][lane as usize % 2];
    programs.push(
        Program::new("shfl behind a branch", body).expect((0..32).map(|lane| value(lane ^ 1))),
    );
    // Each half meets at an instruction of its own.
    let body = "setp.lt.u32 %p0, %i, 16; @%p0 bra LOW;\n\
         redux.sync.add.u32 %w1, %i, 0xffff0000; bra JOIN;\n\
         LOW: redux.sync.max.u32 %w1, %i, 0xffff;\n\
         JOIN: bar.warp.sync -1; st.global.u32 [%to], %w1;";
    let high: u32 = (16..32).sum();
    programs.push(
        Program::new("redux of the halves", body)
            .expect((0..32).map(|lane| if lane < 16 { 15 } else { high })),
    );
    // Each lane leaves a loop after another number of rounds; those that are in it vote.
    let body = "mov.u32 %w1, 0; add.u32 %w2, %i, 1;\n\
         MORE: setp.lt.u32 %p0, %w1, %w2; vote.sync.ballot.b32 %w3, %p0, -1;\n\
         popc.b32 %w4, %w3; add.u32 %w5, %w5, %w4;\n\
         add.u32 %w1, %w1, 1; setp.ne.u32 %p1, %w3, 0; @%p1 bra MORE;\n\
         st.global.u32 [%to], %w5;";
    let total: u32 = (1..=32).sum();
    programs.push(
        Program::new("vote in a loop", format!("mov.u32 %w5, 0; {body}")).expect([total; 32]),
    );
    // `activemask` tells at least of the lane itself, and of none that is on the other path.
    let body = "setp.lt.u32 %p0, %i, 13; @%p0 bra LOW;\n\
         activemask.b32 %w1; and.b32 %w2, %w1, 0x1fff; bra JOIN;\n\
         LOW: activemask.b32 %w1; and.b32 %w2, %w1, 0xffffe000;\n\
         JOIN: mov.u32 %w4, %lanemask_eq; and.b32 %w3, %w1, %w4; setp.ne.u32 %p1, %w3, 0;\n\
         selp.u32 %w3, 1, 0, %p1; st.global.v2.u32 [%to], {%w2, %w3};";
    programs.push(
        Program::new("activemask on two paths", body)
            .strides(4, 8)
            .expect([[0_u32, 1]; 32].concat()),
    );
    // A guard, and no branch: the lanes without it go past the instruction.
    let body = "and.b32 %w1, %i, 3; setp.eq.u32 %p0, %w1, 2; mov.u32 %w2, 77;\n\
         @%p0 redux.sync.add.u32 %w2, %i, 0x44444444;\n\
         @!%p0 redux.sync.add.u32 %w2, 1, 0xbbbbbbbb; st.global.u32 [%to], %w2;";
    let sum: u32 = (0..32).filter(|lane| lane % 4 == 2).sum();
    programs.push(
        Program::new("redux with a guard", body)
            .expect((0..32).map(|lane| if lane % 4 == 2 { sum } else { 24 })),
    );
    // Lanes hand a value round by `bar.warp.sync` and shared memory.
    let body = "shl.b32 %w1, %i, 2; mov.u32 %w2, cell; add.u32 %w3, %w1, %w2;\n\
         st.shared.u32 [%w3], %i; mov.u32 %w4, 0;\n\
         MORE: bar.warp.sync 0xffffffff; xor.b32 %w5, %w1, 4; add.u32 %w5, %w5, %w2;\n\
         ld.shared.u32 %w6, [%w5]; bar.warp.sync 0xffffffff; add.u32 %w6, %w6, 1;\n\
         st.shared.u32 [%w3], %w6; add.u32 %w4, %w4, 1; setp.lt.u32 %p0, %w4, 5; @%p0 bra MORE;\n\
         st.global.u32 [%to], %w6;";
    programs.push(
        Program::new("bar.warp.sync orders shared memory", body)
            .head(".shared .align 4 .b8 cell[128];")
            .expect((0..32).map(|lane: u32| (lane ^ 1) + 5)),
    );
}

/// Lanes that ended are not waited for.
fn ended(programs: &mut Vec<Program>) {
    for threads in [32_u32, 33, 63, 64] {
        let body = "and.b32 %w1, %i, 3; setp.eq.u32 %p0, %w1, 1; @%p0 exit;\n\
             redux.sync.add.u32 %w2, %i, -1; vote.sync.ballot.b32 %w3, 1, -1;\n\
             st.global.v2.u32 [%to], {%w2, %w3};";
        let body = body.replace(
            "vote.sync.ballot.b32 %w3, 1",
            "setp.eq.u32 %p1, %w1, %w1; vote.sync.ballot.b32 %w3, %p1",
        );
        let lives = move |i: &u32| i % 4 != 1;
        let expected: Vec<u32> = (0..threads)
            .flat_map(|i| {
                let warp = i / 32 * 32..(i / 32 * 32 + 32).min(threads);
                let sum = warp.clone().filter(lives).sum();
                let mask = warp
                    .filter(lives)
                    .fold(0_u32, |mask, i| mask | 1 << (i % 32));
                if lives(&i) { [sum, mask] } else { [9, 9] }
            })
            .collect();
        programs.push(
            Program::new(format!("lanes of {threads} that ended"), body)
                .shape(1, threads)
                .strides(4, 8)
                .output(&vec![9_u32; threads as usize * 2])
                .expect(expected),
        );
    }
    // They end while the others wait already.
    let body = "setp.lt.u32 %p0, %i, 20; @%p0 bra MEET;\n\
         mov.u32 %w1, 0; MORE: add.u32 %w1, %w1, 1; setp.lt.u32 %p1, %w1, 50; @%p1 bra MORE; exit;\n\
         MEET: redux.sync.add.u32 %w2, 1, 0xffffffff; st.global.u32 [%to], %w2;";
    programs.push(
        Program::new("lanes that end while others wait", body)
            .output(&[9_u32; 32])
            .expect((0..32_u32).map(|lane| if lane < 20 { 20 } else { 9 })),
    );
}
