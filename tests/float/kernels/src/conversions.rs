//! The conversions.

use cuda_std::intrinsics;
use cuda_std::prelude::*;

use crate::family;

family! {
    conversions,
    1: {
        intrinsics::double2int_rn;
        intrinsics::double2int_rz;
        intrinsics::double2int_ru;
        intrinsics::double2int_rd;
        intrinsics::double2uint_rn;
        intrinsics::double2uint_rz;
        intrinsics::double2uint_ru;
        intrinsics::double2uint_rd;
        intrinsics::double2ll_rn;
        intrinsics::double2ll_rz;
        intrinsics::double2ll_ru;
        intrinsics::double2ll_rd;
        intrinsics::double2ull_rn;
        intrinsics::double2ull_rz;
        intrinsics::double2ull_ru;
        intrinsics::double2ull_rd;
        intrinsics::float2int_rn;
        intrinsics::float2int_rz;
        intrinsics::float2int_ru;
        intrinsics::float2int_rd;
        intrinsics::float2uint_rn;
        intrinsics::float2uint_rz;
        intrinsics::float2uint_ru;
        intrinsics::float2uint_rd;
        intrinsics::float2ll_rn;
        intrinsics::float2ll_rz;
        intrinsics::float2ll_ru;
        intrinsics::float2ll_rd;
        intrinsics::float2ull_rn;
        intrinsics::float2ull_rz;
        intrinsics::float2ull_ru;
        intrinsics::float2ull_rd;
        intrinsics::int2float_rn;
        intrinsics::int2float_rz;
        intrinsics::int2float_ru;
        intrinsics::int2float_rd;
        intrinsics::int2double_rn;
        intrinsics::uint2float_rn;
        intrinsics::uint2float_rz;
        intrinsics::uint2float_ru;
        intrinsics::uint2float_rd;
        intrinsics::uint2double_rn;
        intrinsics::ll2float_rn;
        intrinsics::ll2float_rz;
        intrinsics::ll2float_ru;
        intrinsics::ll2float_rd;
        intrinsics::ll2double_rn;
        intrinsics::ll2double_rz;
        intrinsics::ll2double_ru;
        intrinsics::ll2double_rd;
        intrinsics::ull2float_rn;
        intrinsics::ull2float_rz;
        intrinsics::ull2float_ru;
        intrinsics::ull2float_rd;
        intrinsics::ull2double_rn;
        intrinsics::ull2double_rz;
        intrinsics::ull2double_ru;
        intrinsics::ull2double_rd;
        intrinsics::double2float_rn;
        intrinsics::double2float_rz;
        intrinsics::double2float_ru;
        intrinsics::double2float_rd;
        intrinsics::half2float;
        intrinsics::double2hiint;
        intrinsics::double2loint;
        intrinsics::double_as_longlong;
        intrinsics::longlong_as_double;
        intrinsics::float_as_int;
        intrinsics::int_as_float;
        intrinsics::llrint;
        intrinsics::llrintf;
        intrinsics::llround;
        intrinsics::llroundf;
    }
    2: {
        intrinsics::hiloint2double;
    }
    3: {
    }
    with x y: {
        "intrinsics::float2half_rn" => half(intrinsics::float2half_rn(f32::of(x)));
    }
}

/// The bits of a half; of a NaN always the same ones.
fn half(bits: i16) -> i16 {
    if bits & 0x7fff > 0x7c00 { 0x7e00 } else { bits }
}
