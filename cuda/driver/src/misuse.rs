//! Tests that call every function of the driver with arguments that are wrong in all ways: null, handles
//! that were freed, of other kinds or never there, sizes beyond all memory, numbers that no enum has;
//! before `cuInit`, in captures, in destroyed contexts, from several threads at once.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::c_void;
use std::process::Command;
use std::ptr;

use crate::tables::Tables;
use crate::{functions, per_thread, result, sim, undeclared};

/// Fills the bytes of an argument, which are zero, by the name of its type.
pub(crate) type Fill<'f> = &'f mut dyn FnMut(&str, &mut [u8]);

/// Makes an argument.
///
/// # Safety
///
/// The type is a number, a pointer, an optional function, or a struct of numbers, and `fill` leaves
/// functions as they are.
pub(crate) unsafe fn argument<T>(name: &str, fill: Fill) -> T {
    // SAFETY: By the caller, zeros are a value of the type.
    let mut value = unsafe { std::mem::zeroed::<T>() };
    let place = (&raw mut value).cast::<u8>();
    // SAFETY: The bytes are those of the variable, and any are a value of the type.
    fill(name, unsafe {
        std::slice::from_raw_parts_mut(place, size_of::<T>())
    });
    value
}

/// Calls every function that the simulator has.
fn call_all(tables: &Tables, fill: Fill, before: &mut dyn FnMut()) -> Vec<(&'static str, u32)> {
    let mut results = functions::call_all(&tables.declared, fill, before);
    results.extend(undeclared::call_all(&tables.undeclared, fill, before));
    results.extend(per_thread::call_all(&tables.per_thread, fill, before));
    results
}

/// A linear congruential generator (Knuth's constants), of which the upper bits are used.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = (self.0)
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn of(&mut self, values: &[u64]) -> u64 {
        values[self.below(values.len())]
    }
}

const PTX: &[u8] = b".version 7.0\n.target sm_75\n.address_size 64\n\
    .visible .global .align 4 .u32 counter;\n\
    .visible .entry nothing() { ret; }\n\
    .visible .entry bump(.param .u64 p) { .reg .b64 %rd<2>; .reg .b32 %r<2>;\n\
    ld.param.u64 %rd1, [p]; atom.global.add.u32 %r1, [%rd1], 1; ret; }\0";

/// Objects of each kind, which the calls use, break and destroy.
struct Objects {
    handles: Vec<u64>,
    addresses: Vec<u64>,
    context: u64,
}

/// Calls a function of a table, which succeeds.
macro_rules! call {
    ($tables:ident.$table:ident.$name:ident($($argument:expr),*)) => {{
        let function = $tables.$table.$name.expect("the simulator has it");
        // SAFETY: The places are variables, and texts end in zero bytes.
        assert_eq!(unsafe { function($($argument),*) }, 0, stringify!($name));
    }};
}

impl Objects {
    /// One of each, in a context of its own.
    fn new(tables: &Tables) -> Self {
        let mut handles = [ptr::null_mut::<c_void>(); 12];
        let mut address = 0;
        let [
            context,
            stream,
            event,
            module,
            function,
            library,
            kernel,
            graph,
            node,
            executable,
            pool,
            link,
        ] = &mut handles;
        fn out<T>(place: &mut *mut c_void) -> *mut *mut T {
            (&raw mut *place).cast()
        }
        call!(tables.declared.cuCtxCreate_v2(out(context), 0, 0));
        call!(tables.declared.cuStreamCreate(out(stream), 1));
        call!(tables.declared.cuEventCreate(out(event), 0));
        call!(
            tables
                .declared
                .cuModuleLoadData(out(module), PTX.as_ptr().cast())
        );
        call!(
            tables
                .declared
                .cuModuleGetFunction(out(function), module.cast(), c"bump".as_ptr())
        );
        call!(tables.undeclared.cuLibraryLoadData(
            out(library),
            PTX.as_ptr().cast(),
            ptr::null_mut(),
            ptr::null_mut(),
            0,
            ptr::null_mut(),
            ptr::null_mut(),
            0
        ));
        call!(
            tables
                .undeclared
                .cuLibraryGetKernel(out(kernel), library.cast(), c"bump".as_ptr())
        );
        call!(tables.declared.cuGraphCreate(out(graph), 0));
        call!(
            tables
                .declared
                .cuGraphAddEmptyNode(out(node), graph.cast(), ptr::null(), 0)
        );
        call!(
            tables
                .declared
                .cuGraphInstantiateWithFlags(out(executable), graph.cast(), 0)
        );
        call!(tables.declared.cuDeviceGetDefaultMemPool(out(pool), 0));
        call!(
            tables
                .declared
                .cuLinkCreate_v2(0, ptr::null_mut(), ptr::null_mut(), out(link))
        );
        call!(tables.declared.cuMemAlloc_v2(&mut address, 256));
        Self {
            context: handles[0].addr() as u64,
            // Null, the special streams, and what was never there.
            handles: (handles.iter().map(|handle| handle.addr() as u64))
                .chain([0, 1, 2, 0xdead_beef])
                .collect(),
            addresses: vec![0, address, address + 1, address + 255, 1 << 63, u64::MAX],
        }
    }
}

/// Memory that arguments point to: large enough for every struct, and zero, which is no pointer.
type Scratch = RefCell<Vec<u64>>;

/// What handles point to.
const HANDLES: [&str; 21] = [
    "CUarray_st",
    "CUctx_st",
    "CUevent_st",
    "CUextMemory_st",
    "CUextSemaphore_st",
    "CUfunc_st",
    "CUgraphExec_st",
    "CUgraphNode_st",
    "CUgraph_st",
    "CUgraphicsResource_st",
    "CUgreenCtx_st",
    "CUkern_st",
    "CUlib_st",
    "CUlinkState_st",
    "CUmemPoolHandle_st",
    "CUmipmappedArray_st",
    "CUmod_st",
    "CUstream_st",
    "CUsurfref_st",
    "CUtexref_st",
    "CUuserObject_st",
];

/// Draws an argument: a handle for an opaque pointer, a place in the scratch memory for another.
fn draw(random: &mut Random, objects: &Objects, scratch: &Scratch, name: &str, bytes: &mut [u8]) {
    let (pointers, target) = match name.rsplit_once("*mut ").or(name.rsplit_once("*const ")) {
        Some((before, target)) => (1 + before.matches('*').count(), target),
        None => (0, name),
    };
    let is_handle = pointers == 1
        && target
            .rsplit_once("::")
            .is_some_and(|(_, name)| HANDLES.contains(&name));
    let value = if name.contains("fn(") {
        return;
    } else if is_handle {
        random.of(&objects.handles)
    } else if pointers > 0 {
        let mut scratch = scratch.borrow_mut();
        match random.below(8) {
            0 => 0,
            _ => {
                scratch.fill(0);
                scratch.as_mut_ptr().expose_provenance() as u64
            }
        }
    } else if name == "u64" {
        // An address: of the device, or of nobody. Those of the host are the caller's own business.
        random.of(&objects.addresses)
    } else if bytes.len() == 8 {
        random.of(&[0, 1, 3, 8, 4096, 1 << 50, u64::MAX])
    } else {
        random.of(&[0, 1, 2, 3, 4, 75, 0x8000_0000, u64::from(u32::MAX)])
    };
    for (byte, value) in bytes.iter_mut().zip(value.to_le_bytes()) {
        *byte = value;
    }
}

/// Rounds of calls of everything.
fn misuse(tables: &Tables, seed: u64, rounds: usize) -> BTreeSet<u32> {
    let mut random = Random(seed);
    // Far more than what any size above lets the driver read or write.
    let scratch = Scratch::new(vec![0; 8192]);
    let mut codes = BTreeSet::new();
    for _ in 0..rounds {
        let objects = Objects::new(tables);
        let mut fill =
            |name: &str, bytes: &mut [u8]| draw(&mut random, &objects, &scratch, name, bytes);
        let set_current = tables
            .declared
            .cuCtxSetCurrent
            .expect("the simulator has it");
        let mut before = || {
            // SAFETY: The context is a handle, which may be gone.
            unsafe { set_current(ptr::without_provenance_mut(objects.context as usize)) };
        };
        for (name, code) in call_all(tables, &mut fill, &mut before) {
            assert_ne!(code, result::CUresult::CUDA_ERROR_UNKNOWN as u32, "{name}");
            assert!(result::is_known(code), "{name} returned {code}");
            codes.insert(code);
        }
        let destroy = tables
            .declared
            .cuCtxDestroy_v2
            .expect("the simulator has it");
        // SAFETY: As above.
        unsafe { destroy(ptr::without_provenance_mut(objects.context as usize)) };
    }
    codes
}

/// The simulator with a log of the panics that it caught.
fn simulator() -> Tables {
    sim::set_log(|entry| assert!(!entry.contains("the simulator panicked"), "{entry}"));
    sim::start(sim::Options {
        workers: 1,
        ..sim::Options::default()
    })
}

#[test]
fn zeros_are_refused_and_nothing_panics() {
    /// Those that have nothing to refuse, or for which zero means something.
    const ACCEPTED: [&str; 23] = [
        "cuCtxGetStreamPriorityRange",
        "cuCtxPopCurrent",
        "cuCtxResetPersistingL2Cache",
        "cuCtxSetCacheConfig",
        "cuCtxSetCurrent",
        "cuCtxSetFlags",
        "cuCtxSetLimit",
        "cuCtxSetSharedMemConfig",
        "cuCtxSynchronize",
        "cuDeviceGraphMemTrim",
        "cuDevicePrimaryCtxRelease",
        "cuDevicePrimaryCtxReset",
        "cuDevicePrimaryCtxSetFlags",
        "cuFlushGPUDirectRDMAWrites",
        "cuInit",
        "cuMemFree",
        "cuProfilerStart",
        "cuProfilerStop",
        "cuStreamBeginCapture",
        "cuStreamCopyAttributes",
        "cuStreamQuery",
        "cuStreamSynchronize",
        "cuStreamUpdateCaptureDependencies",
    ];
    let tables = simulator();
    call!(tables.declared.cuInit(0));
    let mut begin = || {
        let mut context = ptr::null_mut();
        call!(tables.declared.cuDevicePrimaryCtxRetain(&mut context, 0));
        call!(tables.declared.cuCtxSetCurrent(context));
    };
    let results = call_all(&tables, &mut |_, _| (), &mut begin);
    assert!(results.len() > 400, "{}", results.len());
    for &(name, result) in &results {
        assert_ne!(
            result,
            result::CUresult::CUDA_ERROR_UNKNOWN as u32,
            "{name}"
        );
    }
    let accepted: BTreeSet<&str> = results
        .iter()
        .filter(|&&(_, result)| result == 0)
        .map(|&(name, _)| name.trim_end_matches("_ptsz").trim_end_matches("_v2"))
        .filter(|name| !name.starts_with("cuMemcpy") && !name.starts_with("cuMemset"))
        .collect();
    assert_eq!(accepted, BTreeSet::from(ACCEPTED));
}

/// The names of a call's results, by code; variants that differ in the size of an argument or in the default
/// stream are one.
fn by_code(results: Vec<(&'static str, u32)>) -> BTreeMap<u32, BTreeSet<&'static str>> {
    let mut names: BTreeMap<u32, BTreeSet<&str>> = BTreeMap::new();
    for (name, code) in results {
        let name = name.trim_end_matches("_ptsz").trim_end_matches("_ptds");
        let name = name.trim_end_matches(|end| matches!(end, '2'..='4'));
        names
            .entry(code)
            .or_default()
            .insert(name.trim_end_matches("_v"));
    }
    names
}

#[test]
fn before_the_driver_is_initialized_everything_says_so() {
    // Other tests of this process initialize it.
    let program = std::env::current_exe().expect("the test has a path");
    let output = Command::new(program)
        .args(["--exact", "misuse::calls_before_init", "--ignored"])
        .output()
        .expect("the test runs again");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && printed.contains("1 passed"),
        "{printed}"
    );
}

#[test]
#[ignore = "runs in a process of its own"]
fn calls_before_init() {
    let tables = simulator();
    // The flags of `cuInit` are zero, or it does nothing.
    let mut fill = |name: &str, bytes: &mut [u8]| {
        if name == "u32" {
            bytes[0] = 1;
        }
    };
    let mut results = by_code(call_all(&tables, &mut fill, &mut || ()));
    let uninitialized = results.remove(&3).expect("most of them");
    assert!(uninitialized.len() > 250, "{}", uninitialized.len());
    // What may come first, with arguments that are wrong.
    let first = [
        "cuDriverGetVersion",
        "cuGetExportTable",
        "cuGetProcAddress",
        "cuInit",
    ];
    assert_eq!(results, BTreeMap::from([(1, first.into())]));
}

#[test]
fn without_a_live_context_what_needs_one_says_so() {
    let tables = simulator();
    call!(tables.declared.cuInit(0));
    // Its thread has one on its stack that another call destroys.
    let mut destroy = || {
        let mut context = ptr::null_mut();
        call!(tables.declared.cuCtxCreate_v2(&mut context, 0, 0));
        call!(tables.declared.cuCtxPushCurrent_v2(context));
        call!(tables.declared.cuCtxDestroy_v2(context));
    };
    let mut none = || call!(tables.declared.cuCtxSetCurrent(ptr::null_mut()));
    let results = |before: &mut dyn FnMut()| {
        let mut results = call_all(&tables, &mut |_, _| (), before);
        // Other tests of this process retain it.
        results.retain(|(name, _)| !name.starts_with("cuDevicePrimaryCtxRelease"));
        by_code(results)
    };
    let (mut without, mut behind) = (results(&mut none), results(&mut destroy));
    let mut take = |code, of_both: &[&'static str]| {
        let mut names = behind.remove(&code).unwrap_or_default();
        names.extend(of_both);
        names
    };
    // What fails for want of a context fails as well if that is gone; the others do not notice.
    let null_context = take(201, &["cuCtxPopCurrent"]);
    let destroyed = take(709, &[]);
    assert!(destroyed.len() > 50, "{destroyed:?}");
    let missing = without.remove(&201).expect("most need a context");
    assert_eq!(missing, &destroyed | &null_context);
    let accepted = behind.entry(0).or_default();
    assert!(accepted.remove("cuCtxPopCurrent"), "{accepted:?}");
    assert_eq!(without, behind);
}

#[test]
fn every_misuse_has_a_code() {
    let tables = simulator();
    call!(tables.declared.cuInit(0));
    let codes = misuse(&tables, 1, 12);
    // Among others: success, invalid value, no context, invalid handle, not found, captures.
    for code in [0, 1, 101, 201, 400, 500, 900] {
        assert!(codes.contains(&code), "{code} is not among {codes:?}");
    }
}

#[test]
fn threads_misuse_everything_at_once() {
    let tables = simulator();
    call!(tables.declared.cuInit(0));
    std::thread::scope(|scope| {
        for seed in 2..6 {
            let tables = &tables;
            scope.spawn(move || misuse(tables, seed, 4));
        }
    });
}
