//! The functions of integers.

use cuda_std::intrinsics;
use cuda_std::prelude::*;

use crate::family;

family! {
    integers,
    1: {
        intrinsics::abs;
        intrinsics::llabs;
        intrinsics::brev;
        intrinsics::brevll;
        intrinsics::clz;
        intrinsics::clzll;
        intrinsics::popc;
        intrinsics::popcll;
        intrinsics::ffs;
        intrinsics::ffsll;
    }
    2: {
        intrinsics::hadd;
        intrinsics::rhadd;
        intrinsics::uhadd;
        intrinsics::urhadd;
        intrinsics::max;
        intrinsics::min;
        intrinsics::llmax;
        intrinsics::llmin;
        intrinsics::umax;
        intrinsics::umin;
        intrinsics::ullmax;
        intrinsics::ullmin;
        intrinsics::mulhi;
        intrinsics::umulhi;
        intrinsics::mul64hi;
        intrinsics::umul64hi;
        intrinsics::mul24;
        intrinsics::umul24;
    }
    3: {
        intrinsics::byte_perm;
        intrinsics::sad;
        intrinsics::usad;
    }
    with x y: {}
}
