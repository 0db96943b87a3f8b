//! Code that is the same for several types, written once.

/// Runs `$work` with `$t` as the unsigned integer of the size of an integer type, of any sign.
macro_rules! bits {
    ($operation:expr, $ty:expr, $t:ident => $work:expr) => {
        match $ty {
            Type::B16 | Type::U16 | Type::S16 => {
                type $t = u16;
                $work
            }
            Type::B32 | Type::U32 | Type::S32 => {
                type $t = u32;
                $work
            }
            Type::B64 | Type::U64 | Type::S64 => {
                type $t = u64;
                $work
            }
            _ => return Err($operation.unknown()),
        }
    };
}

/// Runs `$work` with `$t` as a signed integer type.
macro_rules! signed {
    ($operation:expr, $ty:expr, $t:ident => $work:expr) => {
        match $ty {
            Type::S16 => {
                type $t = i16;
                $work
            }
            Type::S32 => {
                type $t = i32;
                $work
            }
            Type::S64 => {
                type $t = i64;
                $work
            }
            _ => return Err($operation.unknown()),
        }
    };
}

/// Runs `$work` with `$t` as an integer type with a sign or without.
macro_rules! integers {
    ($operation:expr, $ty:expr, $t:ident => $work:expr) => {
        match $ty {
            Type::U16 => {
                type $t = u16;
                $work
            }
            Type::U32 => {
                type $t = u32;
                $work
            }
            Type::U64 => {
                type $t = u64;
                $work
            }
            _ => signed!($operation, $ty, $t => $work),
        }
    };
}

pub(super) use {bits, integers, signed};
