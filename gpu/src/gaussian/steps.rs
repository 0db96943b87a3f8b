//! Many steps of training in one launch, by one block that holds the whole network in shared memory.

use cuda_std::output::DisjointSlice;
use cuda_std::prelude::*;
use cuda_std::shared::SharedTile;
use cuda_std::shared_tile;

use super::{
    Course, MAX_PARAMETERS, MAX_UNITS, N_INPUTS, N_POINTS, N_THREADS, SmallNetwork, point,
};
use crate::activation::Activation;

/// From a unit's values for all points to the next unit's: odd, so that the lanes of a warp that read
/// one point of many units meet no bank twice.
const PITCH: usize = N_POINTS + 1;

/// What the block shares: the parameters, each unit's values for all points, `[MAX_UNITS, PITCH]`, and
/// the gradients of the loss by those.
#[derive(Clone, Copy)]
struct Shared {
    parameters: SharedTile<f32, MAX_PARAMETERS>,
    values: SharedTile<f32, { MAX_UNITS * PITCH }>,
    deltas: SharedTile<f32, { MAX_UNITS * PITCH }>,
}

/// Where a layer's inputs, outputs and parameters begin.
#[derive(Clone, Copy)]
struct Layer {
    n_inputs: usize,
    n_outputs: usize,
    /// The row of the first input among all units.
    first_input: usize,
    /// The row of the first output.
    first_output: usize,
    /// The first weight among all parameters.
    first_weight: usize,
}

impl Layer {
    fn first(network: SmallNetwork) -> Layer {
        Layer {
            n_inputs: N_INPUTS,
            n_outputs: network.width(1),
            first_input: 0,
            first_output: N_INPUTS,
            first_weight: 0,
        }
    }

    #[inline(always)]
    fn n_weights(self) -> usize {
        self.n_inputs * self.n_outputs
    }

    /// The layer behind this one, which has `n_outputs`.
    #[inline(always)]
    fn next(self, n_outputs: usize) -> Layer {
        Layer {
            n_inputs: self.n_outputs,
            n_outputs,
            first_input: self.first_output,
            first_output: self.first_output + self.n_outputs,
            first_weight: self.first_weight + self.n_weights() + self.n_outputs,
        }
    }

    /// The layer before this one, which has `n_inputs`.
    #[inline(always)]
    fn previous(self, n_inputs: usize) -> Layer {
        Layer {
            n_inputs,
            n_outputs: self.n_inputs,
            first_input: self.first_input - n_inputs,
            first_output: self.first_input,
            first_weight: self.first_weight - (n_inputs + 1) * self.n_inputs,
        }
    }
}

/// Steps of training, see the [page of the family](super): updates `parameters`, and for Adam `exp_avg` and
/// `exp_avg_sq`; overwrites `loss[0]` with the mean of the steps' losses. `gradient` is room for sums
/// over more than [`N_POINTS`] points.
///
/// Shapes: `parameters` as [`SmallNetwork`] has them, n of them; `exp_avg` and `exp_avg_sq` `[n]`, or
/// empty for gradient descent; `gradient` `[n]`, or empty where B is at most [`N_POINTS`]; `loss` `[1]`.
/// Launch: one block of [`N_THREADS`] threads.
/// Cost: about `6 B n` FLOP for each step, and no access to global memory but for Adam's means and the
/// gradient, which are the same thread's each time; 2 barriers, and 2 for each layer.
#[kernel]
pub fn train_network(
    course: Course,
    mut parameters: DisjointSlice<f32>,
    mut exp_avg: DisjointSlice<f32>,
    mut exp_avg_sq: DisjointSlice<f32>,
    mut gradient: DisjointSlice<f32>,
    mut loss: DisjointSlice<f32>,
) {
    let Course {
        network, n_rows, ..
    } = course;
    let mut descent = course.descent;
    let is_adam = !exp_avg.is_empty();
    let thread_idx = thread::thread_idx_x() as usize;
    let shared = Shared {
        parameters: shared_tile![f32; MAX_PARAMETERS],
        values: shared_tile![f32; MAX_UNITS * PITCH],
        deltas: shared_tile![f32; MAX_UNITS * PITCH],
    };
    for_each_of_thread(network.n_parameters(), |idx| {
        // SAFETY: this thread's own parameters, which are fewer than the tile has room for.
        unsafe {
            shared
                .parameters
                .write(idx, *parameters.get_mut(idx).unwrap_or(&mut 0.0))
        };
    });
    // Makes all parameters visible to all threads.
    thread::sync_threads();

    let n_groups = n_rows.div_ceil(N_POINTS as u32);
    let gradient_scale = 2.0 / n_rows as f32;
    let mut sum_of_squares = 0.0;
    for step in course.first_step..course.first_step + course.n_steps {
        let adam = descent.next_adam();
        for group_idx in 0..n_groups {
            let place = group_idx * N_POINTS as u32 + thread_idx as u32;
            let mut target = 0.0;
            if thread_idx < N_POINTS {
                let point = point(course.seed, step, place);
                target = course.density.share(point, GpuFloat::exp);
                // SAFETY: this thread alone has this point, and nobody reads since the last barrier.
                unsafe {
                    shared.values.write(thread_idx, point[0]);
                    shared.values.write(PITCH + thread_idx, point[1]);
                }
            }
            // Makes the points visible to all threads.
            thread::sync_threads();

            let mut layer = Layer::first(network);
            let mut layer_idx = 0;
            loop {
                let is_last = layer_idx + 1 == network.n_layers();
                let activation = if is_last {
                    Activation::Identity
                } else {
                    course.activation
                };
                // SAFETY: all threads are here, behind a barrier.
                unsafe { forward(shared, layer, activation) };
                // Makes the outputs visible to all threads.
                thread::sync_threads();
                layer_idx += 1;
                if is_last {
                    break;
                }
                layer = layer.next(network.width(layer_idx + 1));
            }

            if thread_idx < N_POINTS {
                let at = layer.first_output * PITCH + thread_idx;
                // SAFETY: the output was written before the barrier; this thread alone has this point.
                unsafe {
                    let is_in_batch = place < n_rows;
                    let difference = shared.values.read::<f32>(at) - target;
                    let difference = if is_in_batch { difference } else { 0.0 };
                    sum_of_squares += difference * difference;
                    shared.deltas.write(at, gradient_scale * difference);
                }
            }
            // Makes the gradient by the output visible to all threads.
            thread::sync_threads();

            let last = layer;
            while layer_idx > 1 {
                layer_idx -= 1;
                // SAFETY: all threads are here, behind a barrier.
                unsafe { backward(shared, layer, course.activation) };
                // Makes the gradients by the inputs, the outputs of the layer before, visible.
                thread::sync_threads();
                layer = layer.previous(network.width(layer_idx - 1));
            }

            let mut layer = Layer::first(network);
            let mut layer_idx = 1;
            loop {
                for_each_of_thread(layer.n_weights() + layer.n_outputs, |idx| {
                    let at = layer.first_weight + idx;
                    // SAFETY: behind a barrier; this thread alone has this parameter, in all steps.
                    unsafe {
                        let mut sum = gradient_of(shared, layer, idx);
                        if group_idx > 0 {
                            sum += *gradient.get_mut(at).unwrap_or(&mut 0.0);
                        }
                        if group_idx + 1 < n_groups {
                            if let Some(gradient) = gradient.get_mut(at) {
                                *gradient = sum;
                            }
                            return;
                        }
                        let parameter = shared.parameters.read::<f32>(at);
                        let updated = if is_adam
                            && let Some(exp_avg) = exp_avg.get_mut(at)
                            && let Some(exp_avg_sq) = exp_avg_sq.get_mut(at)
                        {
                            let means = [*exp_avg, *exp_avg_sq];
                            let (updated, means) = adam.step(parameter, sum, means);
                            [*exp_avg, *exp_avg_sq] = means;
                            updated
                        } else {
                            (-(descent.learning_rate as f32)).mul_add(sum, parameter)
                        };
                        shared.parameters.write(at, updated);
                    }
                });
                if layer.first_weight == last.first_weight {
                    break;
                }
                layer_idx += 1;
                layer = layer.next(network.width(layer_idx));
            }
            // Makes the new parameters visible to all threads, before the values are overwritten.
            thread::sync_threads();
        }
    }

    for_each_of_thread(network.n_parameters(), |idx| {
        // SAFETY: this thread's own element; what the tile holds was written before a barrier.
        unsafe {
            if let Some(parameter) = parameters.get_mut(idx) {
                *parameter = shared.parameters.read(idx);
            }
        }
    });
    // In the place of the points, which nobody reads any more.
    if thread_idx < N_POINTS {
        // SAFETY: this thread alone has this place.
        unsafe { shared.values.write(thread_idx, sum_of_squares) };
    }
    // Makes the sums visible to thread 0.
    thread::sync_threads();
    if thread_idx == 0 {
        let mut sum = 0.0;
        for idx in 0..N_POINTS {
            // SAFETY: written before the barrier, and not since.
            sum += unsafe { shared.values.read::<f32>(idx) };
        }
        // SAFETY: one thread of the launch.
        if let Some(loss) = unsafe { loss.get_mut(0) } {
            *loss = sum / (course.n_steps as f32 * n_rows as f32);
        }
    }
}

/// Calls `function` with those of `0..n` that are this thread's.
#[inline(always)]
fn for_each_of_thread(n: usize, mut function: impl FnMut(usize)) {
    let mut idx = thread::thread_idx_x() as usize;
    while idx < n {
        function(idx);
        idx += N_THREADS as usize;
    }
}

/// The outputs of a layer for all points: a thread has a point of every so many outputs.
///
/// # Safety
///
/// - All threads of the block call it, behind a barrier since the inputs were written, and before one
///   until they are read.
#[inline(always)]
unsafe fn forward(shared: Shared, layer: Layer, activation: Activation) {
    for_each_of_thread(layer.n_outputs * N_POINTS, |idx| {
        let (output_idx, point_idx) = (idx / N_POINTS, idx % N_POINTS);
        // SAFETY: parameters and inputs were written before the barrier; this thread alone has this
        // output of this point.
        unsafe {
            let bias_at = layer.first_weight + layer.n_weights() + output_idx;
            let mut sum = shared.parameters.read::<f32>(bias_at);
            let mut weight_at = layer.first_weight + output_idx;
            let mut x_at = layer.first_input * PITCH + point_idx;
            for _ in 0..layer.n_inputs {
                let weight = shared.parameters.read::<f32>(weight_at);
                sum = weight.mul_add(shared.values.read(x_at), sum);
                weight_at += layer.n_outputs;
                x_at += PITCH;
            }
            let [y] = activation.forward([sum]);
            let y_at = (layer.first_output + output_idx) * PITCH + point_idx;
            shared.values.write(y_at, y);
        }
    });
}

/// The gradients by the sums of the layer before, whose outputs are the layer's inputs.
///
/// # Safety
///
/// - As for [`forward`].
#[inline(always)]
unsafe fn backward(shared: Shared, layer: Layer, activation: Activation) {
    for_each_of_thread(layer.n_inputs * N_POINTS, |idx| {
        let (input_idx, point_idx) = (idx / N_POINTS, idx % N_POINTS);
        // SAFETY: parameters, values and gradients by the outputs were written before the barrier; this
        // thread alone has this input of this point.
        unsafe {
            let mut sum = 0.0_f32;
            let first_weight_at = layer.first_weight + input_idx * layer.n_outputs;
            let mut dy_at = layer.first_output * PITCH + point_idx;
            for output_idx in 0..layer.n_outputs {
                let weight = shared.parameters.read::<f32>(first_weight_at + output_idx);
                sum = weight.mul_add(shared.deltas.read(dy_at), sum);
                dy_at += PITCH;
            }
            let x_at = (layer.first_input + input_idx) * PITCH + point_idx;
            let [dx] = activation.backward([shared.values.read(x_at)], [sum]);
            shared.deltas.write(x_at, dx);
        }
    });
}

/// The gradient by the layer's parameter `idx`, a weight or behind them a bias: a sum over the points.
///
/// # Safety
///
/// - Values and gradients by the outputs were written before a barrier, and nobody writes them before
///   the next one.
#[inline(always)]
unsafe fn gradient_of(shared: Shared, layer: Layer, idx: usize) -> f32 {
    let (input_idx, output_idx) = (idx / layer.n_outputs, idx % layer.n_outputs);
    let x_at = (layer.first_input + input_idx) * PITCH;
    let dy_at = (layer.first_output + output_idx) * PITCH;
    let is_bias = input_idx == layer.n_inputs;
    let mut sum = 0.0_f32;
    for point_idx in 0..N_POINTS {
        // SAFETY: the caller's promise; where it is a bias, the row behind the inputs is that of an
        // output, which exists as well.
        unsafe {
            let x = shared.values.read::<f32>(x_at + point_idx);
            let x = if is_bias { 1.0 } else { x };
            sum = x.mul_add(shared.deltas.read(dy_at + point_idx), sum);
        }
    }
    sum
}
