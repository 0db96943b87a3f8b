//! The product itself.

use super::{A, B, C, Fragment, Layout, Tf32};
use crate::{bf16, f16};

/// A left operand that can be multiplied by a `Right` one and added to an `Added` one.
pub trait Multiply<Right: Layout, Added: Layout>: Layout + Sized {
    #[doc(hidden)]
    unsafe fn multiply_add(
        a: Fragment<Self>,
        b: Fragment<Right>,
        c: Fragment<Added>,
    ) -> Fragment<Added>;
}

impl<L: Layout> Fragment<L> {
    /// `self * b + c`.
    ///
    /// Products are exact and are added in single precision, or in half precision if `c` is of `f16`,
    /// in an order and with a rounding that NVIDIA does not document.
    ///
    /// # Safety
    ///
    /// - [Collective](crate::groups#collective): every thread of the warp makes this call.
    #[inline(always)]
    pub unsafe fn multiply_add<Right: Layout, Added: Layout>(
        self,
        b: Fragment<Right>,
        c: Fragment<Added>,
    ) -> Fragment<Added>
    where
        L: Multiply<Right, Added>,
    {
        // SAFETY: the caller's promise.
        unsafe { L::multiply_add(self, b, c) }
    }
}

#[cfg(target_arch = "nvptx64")]
mod intrinsics {
    #[repr(C)]
    pub struct Singles(pub f32, pub f32, pub f32, pub f32);

    // The results are four values, which only this ABI passes as LLVM does.
    #[rustfmt::skip]
    unsafe extern "unadjusted" {
        #[link_name = "llvm.nvvm.mma.m16n8k8.row.col.bf16"]
        pub fn bf16_k8(
            a0: u32, a1: u32, b0: u32,
            c0: f32, c1: f32, c2: f32, c3: f32,
        ) -> Singles;
        #[link_name = "llvm.nvvm.mma.m16n8k16.row.col.bf16"]
        pub fn bf16_k16(
            a0: u32, a1: u32, a2: u32, a3: u32, b0: u32, b1: u32,
            c0: f32, c1: f32, c2: f32, c3: f32,
        ) -> Singles;
        #[link_name = "llvm.nvvm.mma.m16n8k4.row.col.tf32"]
        pub fn tf32_k4(
            a0: u32, a1: u32, b0: u32,
            c0: f32, c1: f32, c2: f32, c3: f32,
        ) -> Singles;
        #[link_name = "llvm.nvvm.mma.m16n8k8.row.col.tf32"]
        pub fn tf32_k8(
            a0: u32, a1: u32, a2: u32, a3: u32, b0: u32, b1: u32,
            c0: f32, c1: f32, c2: f32, c3: f32,
        ) -> Singles;
    }
}

/// Products by LLVM's intrinsics.
macro_rules! products {
    ($($a:ty, $b:ty: $intrinsic:ident($($a_idx:literal)* | $($b_idx:literal)*);)*) => {$(
        impl Multiply<$b, C<f32, 16, 8>> for $a {
            #[inline(always)]
            unsafe fn multiply_add(
                a: Fragment<$a>,
                b: Fragment<$b>,
                c: Fragment<C<f32, 16, 8>>,
            ) -> Fragment<C<f32, 16, 8>> {
                #[cfg(target_arch = "nvptx64")]
                {
                    let [c0, c1, c2, c3] = c.registers.map(f32::from_bits);
                    // SAFETY: the caller's promise is the instruction's precondition.
                    let d = unsafe {
                        intrinsics::$intrinsic(
                            $(a.registers[$a_idx],)*
                            $(b.registers[$b_idx],)*
                            c0, c1, c2, c3,
                        )
                    };
                    Fragment { registers: [d.0, d.1, d.2, d.3].map(f32::to_bits) }
                }
                #[cfg(not(target_arch = "nvptx64"))]
                {
                    let _ = (a, b, c);
                    crate::only_on_device("mma::Fragment::multiply_add")
                }
            }
        }
    )*};
}

products! {
    A<bf16, 16, 8>, B<bf16, 8, 8>: bf16_k8(0 1 | 0);
    A<bf16, 16, 16>, B<bf16, 16, 8>: bf16_k16(0 1 2 3 | 0 1);
    A<Tf32, 16, 4>, B<Tf32, 4, 8>: tf32_k4(0 1 | 0);
    A<Tf32, 16, 8>, B<Tf32, 8, 8>: tf32_k8(0 1 2 3 | 0 1);
}

/// Products of `f16`. LLVM's intrinsics take vectors of two halves, which rustc cannot pass to them.
///
/// The assembly is not known to be convergent; but it is reached by whole warps, and LLVM's passes that
/// duplicate code on branches are off for this target.
macro_rules! products_of_halves {
    ($($a:ty, $b:ty, $c:ty: $assembly:literal,
        $($a_idx:literal)* | $($b_idx:literal)* | $($c_idx:literal)*;)*) => {$(
        impl Multiply<$b, $c> for $a {
            #[inline(always)]
            unsafe fn multiply_add(
                a: Fragment<$a>,
                b: Fragment<$b>,
                c: Fragment<$c>,
            ) -> Fragment<$c> {
                #[cfg(target_arch = "nvptx64")]
                {
                    let mut d = c;
                    // SAFETY: the caller's promise is the instruction's precondition.
                    unsafe {
                        core::arch::asm!(
                            $assembly,
                            $(out(reg32) d.registers[$c_idx],)*
                            $(in(reg32) a.registers[$a_idx],)*
                            $(in(reg32) b.registers[$b_idx],)*
                            $(in(reg32) c.registers[$c_idx],)*
                            options(nomem, nostack, preserves_flags),
                        );
                    }
                    d
                }
                #[cfg(not(target_arch = "nvptx64"))]
                {
                    let _ = (a, b, c);
                    crate::only_on_device("mma::Fragment::multiply_add")
                }
            }
        }
    )*};
}

products_of_halves! {
    A<f16, 16, 8>, B<f16, 8, 8>, C<f32, 16, 8>:
        "mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 \
         {{{}, {}, {}, {}}}, {{{}, {}}}, {{{}}}, {{{}, {}, {}, {}}};",
        0 1 | 0 | 0 1 2 3;
    A<f16, 16, 8>, B<f16, 8, 8>, C<f16, 16, 8>:
        "mma.sync.aligned.m16n8k8.row.col.f16.f16.f16.f16 {{{}, {}}}, {{{}, {}}}, {{{}}}, {{{}, {}}};",
        0 1 | 0 | 0 1;
    A<f16, 16, 16>, B<f16, 16, 8>, C<f32, 16, 8>:
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 \
         {{{}, {}, {}, {}}}, {{{}, {}, {}, {}}}, {{{}, {}}}, {{{}, {}, {}, {}}};",
        0 1 2 3 | 0 1 | 0 1 2 3;
    A<f16, 16, 16>, B<f16, 16, 8>, C<f16, 16, 8>:
        "mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16 \
         {{{}, {}}}, {{{}, {}, {}, {}}}, {{{}, {}}}, {{{}, {}}};",
        0 1 2 3 | 0 1 | 0 1;
}
