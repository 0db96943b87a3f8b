//! Ordinary differential equations: many trajectories at once.

use cuda_std::prelude::*;

/// Threads of a block.
pub const N_THREADS: u32 = 256;

/// Place and speed of an oscillator.
pub type State = [f64; 2];

/// A damped oscillator: `x'' = -x - 2 γ x'`, as a system of first order.
#[inline(always)]
pub fn slope([x, v]: State, damping: f64) -> State {
    [v, -x - 2.0 * damping * v]
}

/// `state + h slope`.
#[inline(always)]
fn along(state: State, h: f64, slope: State) -> State {
    [h.mul_add(slope[0], state[0]), h.mul_add(slope[1], state[1])]
}

/// A step of Euler's method.
#[inline(always)]
pub fn euler_step(state: State, damping: f64, h: f64) -> State {
    along(state, h, slope(state, damping))
}

/// A step of the classical method of Runge and Kutta, of fourth order.
#[inline(always)]
pub fn runge_kutta_step(state: State, damping: f64, h: f64) -> State {
    let a = slope(state, damping);
    let b = slope(along(state, h / 2.0, a), damping);
    let c = slope(along(state, h / 2.0, b), damping);
    let d = slope(along(state, h, c), damping);
    let mean = |i: usize| (a[i] + 2.0 * b[i] + 2.0 * c[i] + d[i]) / 6.0;
    along(state, h, [mean(0), mean(1)])
}

/// Follows each oscillator for `n_steps` steps of Runge and Kutta: updates `places` and `speeds`. Each has
/// its own damping.
///
/// Shapes: `dampings`, `places` and `speeds` `[n]`.
/// Launch: along x, a thread per oscillator.
/// Cost: `40 n` bytes, `44 n n_steps` operations on `f64`.
///
/// # Panics
///
/// If `dampings` is shorter than `places`.
#[kernel]
pub fn trajectories(
    dampings: &[f64],
    h: f64,
    n_steps: u32,
    mut places: PerThread<f64>,
    mut speeds: PerThread<f64>,
) {
    let i = thread::index_1d() as usize;
    if let (Some(place), Some(speed)) = (places.get_mut(), speeds.get_mut()) {
        let mut state = [*place, *speed];
        for _ in 0..n_steps {
            state = runge_kutta_step(state, dampings[i], h);
        }
        [*place, *speed] = state;
    }
}
