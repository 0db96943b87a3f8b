//! Runs kernels that are wrong, and looks for the report.

use ptx_sim::{
    AllocationKind, Arguments, Checks, Device, Kind, Launch, LaunchError, Options, Report,
};

use crate::findings::findings;

pub const SEEDS: u64 = 6;

/// What a kernel of this body does in a block of so many threads.
///
/// It finds `%in` and `%out`, the addresses of 4 KiB each, the second ones not written yet; `%i`, the
/// number of its thread; `%tile`, the address of 2 KiB of shared memory, and `%from`, `%own`, `%other`,
/// the addresses of 16 bytes of the thread in both, and of those of the thread at the other end.
pub fn run(
    body: &str,
    threads: u32,
    seed: u64,
    checks: Checks,
) -> (Result<(), LaunchError>, Vec<Report>) {
    let ptx = format!(
        ".version 8.5\n.target sm_90\n.address_size 64\n\
         .visible .entry test(.param .u64 in, .param .u64 out)\n{{\n\
         .shared .align 16 .b8 tile[2048]; .shared .align 8 .b64 bars[4];\n\
         .reg .pred %p<8>; .reg .b32 %w<32>, %i, %n, %tile, %own, %other; .reg .f32 %f<16>;\n\
         .reg .b64 %l<16>, %in, %out, %from;\n\
         ld.param.u64 %in, [in]; ld.param.u64 %out, [out]; mov.u32 %i, %tid.x; mov.u32 %tile, tile;\n\
         mad.wide.u32 %from, %i, 16, %in; mad.lo.u32 %own, %i, 16, %tile; mov.u32 %n, %ntid.x;\n\
         sub.u32 %other, %n, %i; sub.u32 %other, %other, 1; mad.lo.u32 %other, %other, 16, %tile;\n\
         {}\nret;\n}}\n",
        // A line each: reports name the line.
        body.replace("; ", ";\n")
    );
    let device = Device::new(Options {
        seed,
        checks,
        workers: 1,
        step_limit: 5_000_000,
        ..Options::default()
    });
    let memory = device.memory();
    let buffers @ [input, _] =
        [(); 2].map(|()| memory.allocate(4096, 256, AllocationKind::Device).unwrap());
    let bytes: Vec<u8> = (0..4096_u32).map(|at| (at * 7 + at / 256) as u8).collect();
    memory.write(input, &bytes).unwrap();
    let launch = Launch {
        grid: [1; 3],
        block: [threads, 1, 1],
        arguments: Arguments::Packed(bytemuck::cast_slice(&buffers)),
        ..Launch::default()
    };
    findings(&device, &ptx, &launch)
}

/// A kernel that is wrong.
pub struct Fault {
    pub body: &'static str,
    pub threads: u32,
    pub kind: Kind,
    /// Words of the report.
    pub words: &'static [&'static str],
}

pub const fn fault(
    body: &'static str,
    threads: u32,
    kind: Kind,
    words: &'static [&'static str],
) -> Fault {
    Fault {
        body,
        threads,
        kind,
        words,
    }
}

pub fn find(faults: &[Fault]) {
    let mut failures = Vec::new();
    for fault in faults {
        for seed in 0..SEEDS {
            let (launched, reports) = run(fault.body, fault.threads, seed, Checks::ALL);
            let all: Vec<String> = reports.iter().map(Report::to_string).collect();
            let report = reports.iter().find(|report| report.kind == fault.kind);
            let text = report.map(Report::to_string).unwrap_or_default();
            let missing: Vec<_> = fault
                .words
                .iter()
                .filter(|word| !text.contains(**word))
                .collect();
            if report.is_none() || !missing.is_empty() || launched.is_err() != fault.kind.is_fault()
            {
                failures.push(format!(
                    "seed {seed}, expected {:?} with {missing:?} in\n{}\nfound {launched:?}\n{}",
                    fault.kind,
                    fault.body,
                    all.join("\n")
                ));
                break;
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {}:\n{}",
        failures.len(),
        faults.len(),
        failures.join("\n\n")
    );
}

/// One thread makes an mbarrier of one arrival.
pub const INIT: &str =
    "setp.eq.u32 %p0, %i, 0; @%p0 mbarrier.init.shared.b64 [bars], 1; bar.sync 0;";
