//! Arithmetic in the four directions of rounding.

use cuda_std::intrinsics;
use cuda_std::prelude::*;

use crate::family;

family! {
    rounding,
    1: {
        intrinsics::drcp_rn;
        intrinsics::drcp_rz;
        intrinsics::drcp_ru;
        intrinsics::drcp_rd;
        intrinsics::dsqrt_rn;
        intrinsics::dsqrt_rz;
        intrinsics::dsqrt_ru;
        intrinsics::dsqrt_rd;
        intrinsics::frcp_rn;
        intrinsics::frcp_rz;
        intrinsics::frcp_ru;
        intrinsics::frcp_rd;
        intrinsics::fsqrt_rn;
        intrinsics::fsqrt_rz;
        intrinsics::fsqrt_ru;
        intrinsics::fsqrt_rd;
    }
    2: {
        intrinsics::dadd_rn;
        intrinsics::dadd_rz;
        intrinsics::dadd_ru;
        intrinsics::dadd_rd;
        intrinsics::dmul_rn;
        intrinsics::dmul_rz;
        intrinsics::dmul_ru;
        intrinsics::dmul_rd;
        intrinsics::ddiv_rn;
        intrinsics::ddiv_rz;
        intrinsics::ddiv_ru;
        intrinsics::ddiv_rd;
        intrinsics::fadd_rn;
        intrinsics::fadd_rz;
        intrinsics::fadd_ru;
        intrinsics::fadd_rd;
        intrinsics::fsub_rn;
        intrinsics::fsub_rz;
        intrinsics::fsub_ru;
        intrinsics::fsub_rd;
        intrinsics::fmul_rn;
        intrinsics::fmul_rz;
        intrinsics::fmul_ru;
        intrinsics::fmul_rd;
        intrinsics::fdiv_rn;
        intrinsics::fdiv_rz;
        intrinsics::fdiv_ru;
        intrinsics::fdiv_rd;
    }
    3: {
        intrinsics::fma_rn;
        intrinsics::fma_rz;
        intrinsics::fma_ru;
        intrinsics::fma_rd;
        intrinsics::fmaf_rn;
        intrinsics::fmaf_rz;
        intrinsics::fmaf_ru;
        intrinsics::fmaf_rd;
    }
    with x y: {}
}
