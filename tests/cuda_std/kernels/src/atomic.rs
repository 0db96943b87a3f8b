//! `cuda_std::atomic`: its instructions, its functions with an ordering, its types.

use core::sync::atomic::Ordering::*;

use cuda_std::atomic::*;
use cuda_std::prelude::*;
use cuda_std::{bf16, f16};
use pastey::paste;

/// Calls the function of every ordering and scope, each on its own cell, with the same operands.
macro_rules! every_form {
    ([$prefix:ident] $op:ident $ty:ident ($cells:ident, $olds:ident $(, $operand:ident)*)) => {
        every_form! { @ 0 $prefix relaxed $op $ty $cells $olds ($($operand),*) }
        every_form! { @ 3 $prefix acquire $op $ty $cells $olds ($($operand),*) }
        every_form! { @ 6 $prefix release $op $ty $cells $olds ($($operand),*) }
        every_form! { @ 9 $prefix acqrel $op $ty $cells $olds ($($operand),*) }
        every_form! { @ 12 $prefix volatile $op $ty $cells $olds ($($operand),*) }
    };
    (@ $at:literal $prefix:ident $ordering:ident $op:ident $ty:ident $cells:ident $olds:ident ($($operand:ident),*)) => {
        paste! {
            *$olds.add($at) =
                intrinsics::[<$prefix $op _ $ordering _ $ty _device>]($cells.add($at) $(, $operand)*);
            *$olds.add($at + 1) =
                intrinsics::[<$prefix $op _ $ordering _ $ty _block>]($cells.add($at + 1) $(, $operand)*);
            *$olds.add($at + 2) =
                intrinsics::[<$prefix $op _ $ordering _ $ty _system>]($cells.add($at + 2) $(, $operand)*);
        }
    };
}

/// A kernel for each instruction and type, a block of one thread for each case.
macro_rules! instructions {
    ($($ty:ident: [$($op:ident)*] [$($op_without:ident)*];)*) => {$(
        $(instructions! { @ $op $ty first second (first) })*
        $(instructions! { @ $op_without $ty first second () })*
        instructions! { @ cas $ty first second (first, second) }
    )*};
    (@ $op:ident $ty:ident $first:ident $second:ident ($($operand:ident),*)) => {
        paste! {
            #[kernel]
            pub unsafe fn [<atomic_instruction_ $op _ $ty>](
                cells: *mut [$ty; 15],
                operands: *const [$ty; 2],
                olds: *mut [$ty; 15],
            ) {
                let case = thread::block_idx_x() as usize;
                let [$first, $second] = *operands.add(case);
                let _ = ($first, $second);
                let cells = cells.add(case).cast::<$ty>();
                let olds = olds.add(case).cast::<$ty>();
                every_form! {
                    [atomic_fetch_] $op $ty (cells, olds $(, $operand)*)
                }
            }
        }
    };
}

instructions! {
    u32: [add sub min max and or xor exch] [inc dec];
    i32: [add sub min max and or xor exch] [inc dec];
    u64: [add sub min max and or xor exch] [inc dec];
    i64: [add sub min max and or xor exch] [inc dec];
    f32: [add sub and or xor exch] [];
    f64: [add sub and or xor exch] [];
}

#[kernel]
pub unsafe fn atomic_instruction_add_f16(
    cells: *mut [f16; 15],
    operands: *const [f16; 2],
    olds: *mut [f16; 15],
) {
    let case = thread::block_idx_x() as usize;
    let [first, _] = *operands.add(case);
    let (cells, olds) = (cells.add(case).cast::<f16>(), olds.add(case).cast::<f16>());
    every_form! { [atomic_fetch_] add f16 (cells, olds, first) }
}

/// Loads and stores: the value goes from cell to cell, through each form of both.
macro_rules! loads_and_stores {
    ($($width:literal $ty:ident;)*) => {$(
        paste! {
            #[kernel]
            pub unsafe fn [<atomic_instruction_move_ $width>](from: *const $ty, to: *mut [$ty; 9]) {
                let case = thread::block_idx_x() as usize;
                let from = from.add(case);
                let to = to.add(case).cast::<$ty>();
                use intrinsics::*;
                [<atomic_store_relaxed_ $width _device>](to, [<atomic_load_relaxed_ $width _device>](from));
                [<atomic_store_relaxed_ $width _block>](to.add(1), [<atomic_load_relaxed_ $width _block>](from));
                [<atomic_store_relaxed_ $width _system>](to.add(2), [<atomic_load_relaxed_ $width _system>](from));
                [<atomic_store_release_ $width _device>](to.add(3), [<atomic_load_acquire_ $width _device>](from));
                [<atomic_store_release_ $width _block>](to.add(4), [<atomic_load_acquire_ $width _block>](from));
                [<atomic_store_release_ $width _system>](to.add(5), [<atomic_load_acquire_ $width _system>](from));
                [<atomic_store_volatile_ $width _device>](to.add(6), [<atomic_load_volatile_ $width _device>](from));
                [<atomic_store_volatile_ $width _block>](to.add(7), [<atomic_load_volatile_ $width _block>](from));
                [<atomic_store_volatile_ $width _system>](to.add(8), [<atomic_load_volatile_ $width _system>](from));
            }
        }
    )*};
}

loads_and_stores! {
    16 u16;
    32 u32;
    64 u64;
}

/// A value passes from thread 0 of a block to the next one by a flag and two fences. The blocks are
/// the kinds of fences. Launch: all blocks at once, 64 threads, 16 blocks.
#[kernel]
pub unsafe fn atomic_fences(values: *mut u32, flags: *mut u32, results: *mut u32) {
    use core::sync::atomic::AtomicU32;
    let block = thread::block_idx_x() as usize;
    let flag = AtomicU32::from_ptr(flags.add(block));
    let fence = || match block {
        0 => intrinsics::membar_block(),
        1 => intrinsics::membar_device(),
        2 => intrinsics::membar_system(),
        3 => intrinsics::fence_sc_block(),
        4 => intrinsics::fence_sc_device(),
        5 => intrinsics::fence_sc_system(),
        6 => intrinsics::fence_acqrel_block(),
        7 => intrinsics::fence_acqrel_device(),
        8 => intrinsics::fence_acqrel_system(),
        9 => mid::block_thread_fence(AcqRel),
        10 => mid::device_thread_fence(AcqRel),
        11 => mid::system_thread_fence(AcqRel),
        12 => mid::block_thread_fence(SeqCst),
        13 => mid::device_thread_fence(SeqCst),
        14 => match thread::thread_idx_x() {
            0 => mid::system_thread_fence(Release),
            _ => mid::system_thread_fence(SeqCst),
        },
        _ => {
            mid::block_thread_fence(Relaxed);
            mid::device_thread_fence(Relaxed);
            mid::system_thread_fence(Relaxed);
        }
    };
    match thread::thread_idx_x() {
        0 => {
            *values.add(block) = 100 + block as u32;
            fence();
            flag.store(1, Relaxed);
        }
        63 => {
            while flag.load(Relaxed) == 0 {
                thread::nanosleep(10);
            }
            fence();
            *results.add(block) = *values.add(block);
        }
        _ => {}
    }
}

/// The functions with an ordering, a cell for each update and scope. All orderings come up, but not
/// each with each.
macro_rules! with_ordering {
    ($($ty:ident)*) => {$(
        paste! {
            #[kernel]
            pub unsafe fn [<atomic_mid_ $ty>](
                cells: *mut [$ty; 27],
                operands: *const [$ty; 2],
                olds: *mut [$ty; 27],
            ) {
                let case = thread::block_idx_x() as usize;
                let [first, second] = *operands.add(case);
                let cells = cells.add(case).cast::<$ty>();
                let olds = olds.add(case).cast::<$ty>();
                with_ordering! { @ $ty device 0 (cells, olds, first, second) Relaxed Acquire Release AcqRel SeqCst }
                with_ordering! { @ $ty block 9 (cells, olds, first, second) AcqRel SeqCst Relaxed Acquire Release }
                with_ordering! { @ $ty system 18 (cells, olds, first, second) Acquire Release AcqRel SeqCst Relaxed }
            }
        }
    )*};
    (
        @ $ty:ident $scope:ident $at:literal ($cells:ident, $olds:ident, $first:ident, $second:ident)
        $a:ident $b:ident $c:ident $d:ident $e:ident
    ) => {
        paste! {
            *$olds.add($at) = mid::[<atomic_fetch_add_ $ty _ $scope>]($cells.add($at), $a, $first);
            *$olds.add($at + 1) = mid::[<atomic_fetch_sub_ $ty _ $scope>]($cells.add($at + 1), $b, $first);
            *$olds.add($at + 2) = mid::[<atomic_fetch_min_ $ty _ $scope>]($cells.add($at + 2), $c, $first);
            *$olds.add($at + 3) = mid::[<atomic_fetch_max_ $ty _ $scope>]($cells.add($at + 3), $d, $first);
            *$olds.add($at + 4) = mid::[<atomic_fetch_and_ $ty _ $scope>]($cells.add($at + 4), $e, $first);
            *$olds.add($at + 5) = mid::[<atomic_fetch_or_ $ty _ $scope>]($cells.add($at + 5), $d, $first);
            *$olds.add($at + 6) = mid::[<atomic_fetch_xor_ $ty _ $scope>]($cells.add($at + 6), $c, $first);
            *$olds.add($at + 7) = mid::[<atomic_fetch_exch_ $ty _ $scope>]($cells.add($at + 7), $b, $first);
            *$olds.add($at + 8) =
                mid::[<atomic_compare_and_swap_ $ty _ $scope>]($cells.add($at + 8), $first, $second, $a);
        }
    };
}

with_ordering!(u32 i32 u64 i64 f16 bf16 f32 f64);

/// Loads and stores with an ordering, from cell to cell.
macro_rules! moves_with_ordering {
    ($($width:literal $ty:ident;)*) => {$(
        paste! {
            #[kernel]
            pub unsafe fn [<atomic_mid_move_ $width>](from: *mut $ty, to: *mut [$ty; 3]) {
                let case = thread::block_idx_x() as usize;
                let (load, store) = match case % 3 {
                    0 => (Relaxed, Relaxed),
                    1 => (Acquire, Release),
                    _ => (SeqCst, SeqCst),
                };
                let from = from.add(case);
                let to = to.add(case).cast::<$ty>();
                mid::[<atomic_store_ $width _device>](to, store, mid::[<atomic_load_ $width _device>](from, load));
                mid::[<atomic_store_ $width _block>](to.add(1), store, mid::[<atomic_load_ $width _block>](from, load));
                mid::[<atomic_store_ $width _system>](to.add(2), store, mid::[<atomic_load_ $width _system>](from, load));
            }
        }
    )*};
}

moves_with_ordering! {
    16 u16;
    32 u32;
    64 u64;
}

/// The bounded counters: up, then down, by each scope.
#[kernel]
pub unsafe fn atomic_bounded(cells: *mut [u32; 6], bounds: *const u32, olds: *mut [u32; 6]) {
    use mid::*;
    let case = thread::block_idx_x() as usize;
    let bound = *bounds.add(case);
    let cells = cells.add(case).cast::<u32>();
    *olds.add(case) = [
        atomic_inc_bounded_relaxed_u32_device(cells, bound),
        atomic_inc_bounded_relaxed_u32_block(cells.add(1), bound),
        atomic_inc_bounded_relaxed_u32_system(cells.add(2), bound),
        atomic_dec_bounded_relaxed_u32_device(cells.add(3), bound),
        atomic_dec_bounded_relaxed_u32_block(cells.add(4), bound),
        atomic_dec_bounded_relaxed_u32_system(cells.add(5), bound),
    ];
}

/// All methods of a type, each on a cell of its own, and the sums of many threads.
macro_rules! types {
    ($($kernel:ident, $count:ident: $name:ident $ty:ident;)*) => {$(
        /// Launch: a block of one thread for each case.
        #[kernel]
        pub unsafe fn $kernel(
            cells: *mut [$ty; 16],
            operands: *const [$ty; 2],
            olds: *mut [$ty; 16],
            is_ok: *mut [u32; 4],
        ) {
            let case = thread::block_idx_x() as usize;
            let [first, second] = *operands.add(case);
            let cells = cells.add(case).cast::<$ty>();
            let cell = |idx: usize| $name::from_ptr(cells.add(idx));
            let exchanged = [
                cell(11).compare_exchange(first, second, AcqRel, Acquire),
                cell(12).compare_exchange_weak(first, second, SeqCst, Relaxed),
                cell(13).fetch_update(Release, Relaxed, |_| Some(second)),
                cell(14).fetch_update(Relaxed, Acquire, |_| None),
            ];
            *is_ok.add(case) = exchanged.map(|result| result.is_ok().into());
            let [a, b, c, d] = exchanged.map(|result| match result {
                Ok(old) | Err(old) => old,
            });
            let mut own = $name::new(first);
            *own.get_mut() = second;
            let from = $name::from(own.into_inner());
            let loaded = cell(0).load(Acquire);
            cell(1).store(first, Release);
            *olds.add(case) = [
                loaded,
                from.into_inner(),
                cell(2).swap(first, Relaxed),
                cell(3).fetch_add(first, AcqRel),
                cell(4).fetch_sub(first, SeqCst),
                cell(5).fetch_min(first, Relaxed),
                cell(6).fetch_max(first, Acquire),
                cell(7).fetch_and(first, Release),
                cell(8).fetch_or(first, Relaxed),
                cell(9).fetch_xor(first, Relaxed),
                cell(10).load(SeqCst),
                a,
                b,
                c,
                d,
                cell(15).load(Relaxed),
            ];
        }

        /// Every thread adds its value to one number, and updates another by compare-and-swap.
        #[kernel]
        pub unsafe fn $count(values: *const $ty, sums: *mut [$ty; 3]) {
            let value = *values.add(thread::thread_idx_x() as usize);
            // The threads of a block share; each block has its own.
            let sums = sums.add(thread::block_idx_x() as usize).cast::<$ty>();
            $name::from_ptr(sums).fetch_add(value, Relaxed);
            $name::from_ptr(sums.add(1)).fetch_max(value, Relaxed);
            let counter = $name::from_ptr(sums.add(2));
            let _ = counter.fetch_update(Relaxed, Relaxed, |old| Some(old + value));
        }
    )*};
}

types! {
    atomic_f16_device, atomic_f16_device_count: AtomicF16 f16;
    atomic_f16_block, atomic_f16_block_count: BlockAtomicF16 f16;
    atomic_f16_system, atomic_f16_system_count: SystemAtomicF16 f16;
    atomic_bf16_device, atomic_bf16_device_count: AtomicBF16 bf16;
    atomic_bf16_block, atomic_bf16_block_count: BlockAtomicBF16 bf16;
    atomic_bf16_system, atomic_bf16_system_count: SystemAtomicBF16 bf16;
    atomic_f32_device, atomic_f32_device_count: AtomicF32 f32;
    atomic_f32_block, atomic_f32_block_count: BlockAtomicF32 f32;
    atomic_f32_system, atomic_f32_system_count: SystemAtomicF32 f32;
    atomic_f64_device, atomic_f64_device_count: AtomicF64 f64;
    atomic_f64_block, atomic_f64_block_count: BlockAtomicF64 f64;
    atomic_f64_system, atomic_f64_system_count: SystemAtomicF64 f64;
    atomic_u32_device, atomic_u32_device_count: AtomicU32 u32;
    atomic_u32_block, atomic_u32_block_count: BlockAtomicU32 u32;
    atomic_u32_system, atomic_u32_system_count: SystemAtomicU32 u32;
    atomic_i32_device, atomic_i32_device_count: AtomicI32 i32;
    atomic_i32_block, atomic_i32_block_count: BlockAtomicI32 i32;
    atomic_i32_system, atomic_i32_system_count: SystemAtomicI32 i32;
    atomic_u64_device, atomic_u64_device_count: AtomicU64 u64;
    atomic_u64_block, atomic_u64_block_count: BlockAtomicU64 u64;
    atomic_u64_system, atomic_u64_system_count: SystemAtomicU64 u64;
    atomic_i64_device, atomic_i64_device_count: AtomicI64 i64;
    atomic_i64_block, atomic_i64_block_count: BlockAtomicI64 i64;
    atomic_i64_system, atomic_i64_system_count: SystemAtomicI64 i64;
}
