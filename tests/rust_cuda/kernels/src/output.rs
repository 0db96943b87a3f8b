//! What kernels print, and how they fail.

use cuda_std::prelude::*;

#[derive(Debug)]
#[allow(dead_code, reason = "printed")]
struct Point {
    x: i32,
    name: &'static str,
}

#[kernel]
pub unsafe fn prints(values: &[i32]) {
    let t = thread::index_1d() as usize;
    println!("thread {t} has {}", values[t]);
    if t == 0 {
        println!("{:?}", Some(values));
        println!("{:#?} {:.3}", Point { x: -7, name: "one" }, 2.0_f64 / 3.0);
    }
}

/// Fails in a way that the host chooses, in thread 3 of block 1.
#[kernel]
pub unsafe fn fails(way: u32, values: &[u32], out: *mut u32) {
    let idx = thread::index_1d() as usize;
    let at = if thread::block_idx_x() == 1 && thread::thread_idx_x() == 3 {
        way
    } else {
        0
    };
    *out.add(idx) = match at {
        0 => 0,
        1 => values[idx + values.len()],
        2 => values.iter().find(|v| **v > 1_000_000).copied().unwrap(),
        3 => values
            .first()
            .map_or(Err("no values"), |_| Err("too small"))
            .expect("a value that fits"),
        4 => panic!("way {way} of {}", values.len()),
        5 => values[0] / (values[1] - values[1]),
        6 => {
            assert_eq!(values[0], values[1]);
            6
        }
        7 => values[values[3] as usize..values[2] as usize][0],
        8 => u32::try_from(-i64::from(way)).unwrap(),
        _ => unreachable!("there is no way {way}"),
    };
}
