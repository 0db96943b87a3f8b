//! The approximations: the device's differ from the host's.

use cuda_std::float::FastFloat;
use cuda_std::intrinsics;
use cuda_std::prelude::*;

use crate::{both_written, family};

family! {
    fast,
    1: {
        <f32 as FastFloat>::fast_sin;
        <f32 as FastFloat>::fast_cos;
        <f32 as FastFloat>::fast_tan;
        <f32 as FastFloat>::fast_exp;
        <f32 as FastFloat>::fast_exp10;
        <f32 as FastFloat>::fast_ln;
        <f32 as FastFloat>::fast_log2;
        <f32 as FastFloat>::fast_log10;
        <f32 as FastFloat>::fast_sin_cos;
        intrinsics::fast_sinf;
        intrinsics::fast_cosf;
        intrinsics::fast_tanf;
        intrinsics::fast_expf;
        intrinsics::fast_exp10f;
        intrinsics::fast_logf;
        intrinsics::fast_log2f;
        intrinsics::fast_log10f;
    }
    2: {
        <f32 as FastFloat>::fast_powf;
        <f32 as FastFloat>::fast_div;
        intrinsics::fast_powf;
        intrinsics::fast_fdividef;
    }
    3: {}
    with x y: {
        // SAFETY: the pointers are those of variables.
        "intrinsics::fast_sincosf" => both_written(|s, c| unsafe { intrinsics::fast_sincosf(f32::of(x), s, c) });
    }
}
