//! Training of a network so small that everything else would cost more than its arithmetic: all steps run
//! on one thread, in the first cache, without a call in between.
//!
//! A vector holds as many points of the batch as it has lanes, so that a layer is
//!
//! ```text
//! y[o] = bias[o] + Σ_k weight[k, o] x[k]         a weight in all lanes, times a vector of points
//! dx[k] = Σ_o weight[k, o] dy[o]                 the same
//! dweight[k, :] += Σ_lane x[k][lane] dyᵀ[lane]   an input of one point in all lanes, times all outputs
//! ```
//!
//! with several sums side by side in registers. The third is why the gradients by the outputs are
//! transposed: otherwise each weight would need a sum over the lanes of a vector.

use bytemuck::Zeroable;
use gpu::gaussian::{Course, Density, MAX_UNITS, MAX_WIDTH, N_INPUTS, N_POINTS, coordinate, words};
use pulp::{Simd, WithSimd};

use super::activation::{apply, apply_derivative};
use super::optimizer::adam;
use super::{Floats, HostBackend, Operation};
use crate::Result;
use crate::backend::{DrawPoints, GaussianOperations, SmallOptimizer, TrainNetwork};
use crate::simd::{exp, transpose};

impl GaussianOperations for HostBackend {
    fn draw_points(&self, op: DrawPoints<'_, Floats>) -> Result<()> {
        draw_points(self, op)
    }

    fn train_network(&self, op: TrainNetwork<'_, Floats>) -> Result<()> {
        train_network(self, op)
    }
}

fn draw_points(backend: &HostBackend, op: DrawPoints<'_, Floats>) -> Result<()> {
    let check = Operation("draw_points");
    let x = check.write("x", op.x, &[op.n_rows, N_INPUTS])?;
    let target = check.write("target", op.target, &[op.n_rows])?;
    let groups = x.chunks_mut(N_INPUTS * N_POINTS);
    vectorized!(backend, {
        for (group_idx, (x, target)) in (0..).zip(groups.zip(target.chunks_mut(N_POINTS))) {
            let group = Group::draw(op.density, op.seed, op.step, group_idx);
            for (point, idx) in x.chunks_exact_mut(N_INPUTS).zip(0..) {
                point.copy_from_slice(&[group.x[0][idx], group.x[1][idx]]);
            }
            target.copy_from_slice(&group.target[..target.len()]);
        }
    });
    Ok(())
}

fn train_network(backend: &HostBackend, op: TrainNetwork<'_, Floats>) -> Result<()> {
    let check = Operation("train_network");
    let course = op.course(check)?;
    let n = op.network.n_parameters();
    let means = match op.optimizer {
        SmallOptimizer::Sgd => None,
        SmallOptimizer::Adam {
            exp_avg,
            exp_avg_sq,
            ..
        } => Some([
            check.write("exp_avg", exp_avg, &[n])?,
            check.write("exp_avg_sq", exp_avg_sq, &[n])?,
        ]),
    };
    let steps = Steps {
        course,
        parameters: check.write("parameters", op.parameters, &[n])?,
        means,
        gradient: check.write("gradient", op.gradient, &[n])?,
    };
    let loss = check.write("loss", op.loss, &[1])?;
    loss[0] = backend.instructions.dispatch(steps);
    Ok(())
}

/// The points of a step that are drawn together.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Group {
    x: [[f32; N_POINTS]; N_INPUTS],
    target: [f32; N_POINTS],
}

impl Group {
    #[expect(
        clippy::needless_range_loop,
        reason = "four arrays are filled side by side"
    )]
    #[inline(always)]
    fn draw(density: Density, seed: u64, step: u64, group_idx: u32) -> Group {
        const HALF: usize = N_POINTS / 2;
        // Loops over arrays that the compiler turns into vector code, as a call for each would not be.
        let mut blocks = [[0; HALF]; 4];
        for idx in 0..HALF {
            let [a, b, c, d] = words(seed, step, group_idx, idx as u32);
            blocks[0][idx] = a;
            blocks[1][idx] = b;
            blocks[2][idx] = c;
            blocks[3][idx] = d;
        }
        let mut x = [[0.0; N_POINTS]; N_INPUTS];
        for idx in 0..HALF {
            x[0][idx] = coordinate(blocks[0][idx]);
            x[1][idx] = coordinate(blocks[1][idx]);
            x[0][HALF + idx] = coordinate(blocks[2][idx]);
            x[1][HALF + idx] = coordinate(blocks[3][idx]);
        }
        let mut target = [0.0; N_POINTS];
        for (target, (&x0, &x1)) in target.iter_mut().zip(x[0].iter().zip(&x[1])) {
            *target = density.share([x0, x1], exp);
        }
        Group { x, target }
    }
}

/// What a step works on. Rows hold as many points as a vector has lanes.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Workspace {
    /// Inputs, then the outputs of each layer: a row for each.
    values: [[f32; N_POINTS]; MAX_UNITS],
    /// The gradient of the loss by each of them.
    deltas: [[f32; N_POINTS]; MAX_UNITS],
    /// Those of one layer's outputs, a row for each point.
    transposed: [[f32; MAX_WIDTH]; N_POINTS],
}

// SAFETY: floats side by side, for which zero bits are zeros.
unsafe impl Zeroable for Workspace {}

struct Steps<'a> {
    course: Course,
    parameters: &'a mut [f32],
    /// Of Adam.
    means: Option<[&'a mut [f32]; 2]>,
    gradient: &'a mut [f32],
}

impl WithSimd for Steps<'_> {
    /// The mean loss.
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) -> f32 {
        const { assert!(S::F32_LANES <= N_POINTS && N_POINTS.is_multiple_of(S::F32_LANES)) };
        let mut workspace = Workspace::zeroed();
        let mut descent = self.course.descent;
        let n_rows = self.course.n_rows as usize;
        let mut squares = simd.splat_f32s(0.0);
        for step in 0..self.course.n_steps {
            let step = self.course.first_step + step;
            for group_idx in 0..n_rows.div_ceil(N_POINTS) {
                let Course { density, seed, .. } = self.course;
                let group = Group::draw(density, seed, step, group_idx as u32);
                for lane in (0..N_POINTS).step_by(S::F32_LANES) {
                    let place = group_idx * N_POINTS + lane;
                    if place < n_rows {
                        let points = Points {
                            x: [
                                vector::<S>(&group.x[0][lane..]),
                                vector::<S>(&group.x[1][lane..]),
                            ],
                            target: vector::<S>(&group.target[lane..]),
                            n: n_rows - place,
                            is_first: place == 0,
                        };
                        squares = self.gradient(simd, &mut workspace, points, squares);
                    }
                }
            }
            let gradient = &*self.gradient;
            match &mut self.means {
                None => {
                    let learning_rate = descent.learning_rate as f32;
                    for (parameter, gradient) in self.parameters.iter_mut().zip(gradient) {
                        *parameter -= learning_rate * gradient;
                    }
                }
                Some([exp_avg, exp_avg_sq]) => {
                    let scalars = descent.next_adam();
                    let means = exp_avg.iter_mut().zip(exp_avg_sq.iter_mut());
                    for ((parameter, gradient), means) in
                        self.parameters.iter_mut().zip(gradient).zip(means)
                    {
                        let before = [*means.0, *means.1];
                        let (updated, after) = adam(&scalars, *parameter, *gradient, before);
                        *parameter = updated;
                        [*means.0, *means.1] = after;
                    }
                }
            }
        }
        simd.reduce_sum_f32s(squares) / (self.course.n_steps as f32 * n_rows as f32)
    }
}

/// As many points as a vector has lanes.
struct Points<S: Simd> {
    x: [S::f32s; N_INPUTS],
    target: S::f32s,
    /// Those that are in the batch; there may be more.
    n: usize,
    /// Whether the gradient begins with them.
    is_first: bool,
}

impl Steps<'_> {
    /// Adds the points' squared errors to `squares`, and their part to the gradient.
    #[inline(always)]
    fn gradient<S: Simd>(
        &mut self,
        simd: S,
        workspace: &mut Workspace,
        points: Points<S>,
        squares: S::f32s,
    ) -> S::f32s {
        let Course {
            network,
            activation,
            n_rows,
            ..
        } = self.course;
        let n_layers = network.n_layers();
        let values = S::as_mut_simd_f32s(workspace.values.as_flattened_mut()).0;
        let deltas = S::as_mut_simd_f32s(workspace.deltas.as_flattened_mut()).0;

        values[..N_INPUTS].copy_from_slice(&points.x);
        // The rows of a layer's inputs begin here, and its weight.
        let (mut row, mut begin) = (0, 0);
        for layer_idx in 0..n_layers {
            let [k, n] = [network.width(layer_idx), network.width(layer_idx + 1)];
            let (x, y) = values[row..].split_at_mut(k);
            let y = &mut y[..n];
            let (weight, bias) = self.parameters[begin..][..(k + 1) * n].split_at(k * n);
            forward(simd, weight, bias, x, y);
            if layer_idx + 1 < n_layers {
                apply(activation, bytemuck::cast_slice_mut(y));
            }
            row += k;
            begin += (k + 1) * n;
        }

        let mut difference = simd.sub_f32s(values[row], points.target);
        if points.n < S::F32_LANES {
            let lanes: &mut [f32] = bytemuck::cast_slice_mut(std::slice::from_mut(&mut difference));
            lanes[points.n..].fill(0.0);
        }
        let scale = simd.splat_f32s(2.0 / n_rows as f32);
        deltas[row] = simd.mul_f32s(scale, difference);

        for layer_idx in (0..n_layers).rev() {
            let [k, n] = [network.width(layer_idx), network.width(layer_idx + 1)];
            begin -= (k + 1) * n;
            let (dx, dy) = deltas.split_at_mut(row);
            let dy = &dy[..n];
            row -= k;
            let x = &values[row..][..k];
            if layer_idx > 0 {
                let dx = &mut dx[row..];
                backward_input(simd, &self.parameters[begin..][..k * n], dy, dx);
                apply_derivative(
                    activation,
                    bytemuck::cast_slice(x),
                    bytemuck::cast_slice_mut(dx),
                );
            }
            let gradient = &mut self.gradient[begin..][..(k + 1) * n];
            let keep = !points.is_first;
            backward_weight(simd, x, dy, &mut workspace.transposed, gradient, keep);
        }
        simd.mul_add_e_f32s(difference, difference, squares)
    }
}

/// The vector that a slice begins with.
#[inline(always)]
fn vector<S: Simd>(values: &[f32]) -> S::f32s {
    S::as_simd_f32s(values).0[0]
}

/// `y[o] = bias[o] + Σ_k weight[k, o] x[k]`
#[inline(always)]
fn forward<S: Simd>(simd: S, weight: &[f32], bias: &[f32], x: &[S::f32s], y: &mut [S::f32s]) {
    let mut first = 0;
    if S::REGISTER_COUNT >= 32 {
        forward_blocks::<S, 16>(simd, weight, bias, x, y, &mut first);
    }
    forward_blocks::<S, 8>(simd, weight, bias, x, y, &mut first);
    forward_blocks::<S, 4>(simd, weight, bias, x, y, &mut first);
    forward_blocks::<S, 1>(simd, weight, bias, x, y, &mut first);
}

/// The same for `OUTPUTS` outputs at a time, as long as there are so many.
#[inline(always)]
fn forward_blocks<S: Simd, const OUTPUTS: usize>(
    simd: S,
    weight: &[f32],
    bias: &[f32],
    x: &[S::f32s],
    y: &mut [S::f32s],
    first: &mut usize,
) {
    let n = y.len();
    while *first + OUTPUTS <= n {
        let mut sums = [simd.splat_f32s(0.0); OUTPUTS];
        for (sum, &bias) in sums.iter_mut().zip(&bias[*first..][..OUTPUTS]) {
            *sum = simd.splat_f32s(bias);
        }
        for (&x, weight) in x.iter().zip(weight.chunks_exact(n)) {
            for (sum, &weight) in sums.iter_mut().zip(&weight[*first..][..OUTPUTS]) {
                *sum = simd.mul_add_e_f32s(simd.splat_f32s(weight), x, *sum);
            }
        }
        y[*first..][..OUTPUTS].copy_from_slice(&sums);
        *first += OUTPUTS;
    }
}

/// `dx[k] = Σ_o weight[k, o] dy[o]`
#[inline(always)]
fn backward_input<S: Simd>(simd: S, weight: &[f32], dy: &[S::f32s], dx: &mut [S::f32s]) {
    let mut first = 0;
    if S::REGISTER_COUNT >= 32 {
        backward_input_blocks::<S, 16>(simd, weight, dy, dx, &mut first);
    }
    backward_input_blocks::<S, 8>(simd, weight, dy, dx, &mut first);
    backward_input_blocks::<S, 4>(simd, weight, dy, dx, &mut first);
    backward_input_blocks::<S, 1>(simd, weight, dy, dx, &mut first);
}

/// The same for `INPUTS` inputs at a time, as long as there are so many.
#[inline(always)]
fn backward_input_blocks<S: Simd, const INPUTS: usize>(
    simd: S,
    weight: &[f32],
    dy: &[S::f32s],
    dx: &mut [S::f32s],
    first: &mut usize,
) {
    let n = dy.len();
    while *first + INPUTS <= dx.len() {
        let mut sums = [simd.splat_f32s(0.0); INPUTS];
        let weight = &weight[*first * n..][..INPUTS * n];
        for (o, &dy) in dy.iter().enumerate() {
            for (k, sum) in sums.iter_mut().enumerate() {
                *sum = simd.mul_add_e_f32s(simd.splat_f32s(weight[k * n + o]), dy, *sum);
            }
        }
        dx[*first..][..INPUTS].copy_from_slice(&sums);
        *first += INPUTS;
    }
}

/// The gradients by weight and bias, which lie in `gradient` one behind the other; added to what is there
/// if that is to be kept.
#[inline(always)]
fn backward_weight<S: Simd>(
    simd: S,
    x: &[S::f32s],
    dy: &[S::f32s],
    transposed: &mut [[f32; MAX_WIDTH]; N_POINTS],
    gradient: &mut [f32],
    keep: bool,
) {
    let n = dy.len();
    if let [dy] = dy {
        // A vector of one output would be nearly empty.
        for (idx, gradient) in gradient.iter_mut().enumerate() {
            let product = x.get(idx).map_or(*dy, |&x| simd.mul_f32s(x, *dy));
            let sum = simd.reduce_sum_f32s(product);
            *gradient = if keep { *gradient + sum } else { sum };
        }
        return;
    }
    let rows = &mut transposed[..S::F32_LANES];
    transpose_rows::<S>(dy, rows);
    let (dweight, dbias) = gradient.split_at_mut(x.len() * n);
    for column in (0..n).step_by(S::F32_LANES) {
        let columns = Columns {
            first: column,
            n: S::F32_LANES.min(n - column),
            dy: rows,
            keep,
        };
        let mut first = 0;
        if S::REGISTER_COUNT >= 32 {
            columns.blocks::<S, 16>(simd, x, dweight, &mut first);
        }
        columns.blocks::<S, 8>(simd, x, dweight, &mut first);
        columns.blocks::<S, 2>(simd, x, dweight, &mut first);
        columns.blocks::<S, 1>(simd, x, dweight, &mut first);
        let dbias = &mut dbias[column..][..columns.n];
        let mut sum = columns.begin(simd, dbias);
        for dy in rows.iter() {
            sum = simd.add_f32s(sum, vector::<S>(&dy[column..]));
        }
        simd.partial_store_f32s(dbias, sum);
    }
}

/// `rows[lane][o] = dy[o][lane]`; behind the last output zeros, up to a whole vector.
#[inline(always)]
fn transpose_rows<S: Simd>(dy: &[S::f32s], rows: &mut [[f32; MAX_WIDTH]]) {
    let n = dy.len();
    let dy: &[f32] = bytemuck::cast_slice(dy);
    if S::F32_LANES < 4 {
        for (lane, row) in rows.iter_mut().enumerate() {
            for (o, place) in row[..n].iter_mut().enumerate() {
                *place = dy[o * S::F32_LANES + lane];
            }
        }
        return;
    }
    for o in (0..n.next_multiple_of(S::F32_LANES)).step_by(4) {
        for lane in (0..S::F32_LANES).step_by(4) {
            let mut square = [[0.0; 4]; 4];
            for (i, row) in square.iter_mut().enumerate() {
                if o + i < n {
                    row.copy_from_slice(&dy[(o + i) * S::F32_LANES + lane..][..4]);
                }
            }
            for (i, column) in transpose(square).iter().enumerate() {
                rows[lane + i][o..o + 4].copy_from_slice(column);
            }
        }
    }
}

/// As many columns of a weight's gradient as a vector has lanes, or the last of them.
struct Columns<'a> {
    first: usize,
    n: usize,
    /// A row for each point.
    dy: &'a [[f32; MAX_WIDTH]],
    keep: bool,
}

impl Columns<'_> {
    /// What a sum begins with.
    #[inline(always)]
    fn begin<S: Simd>(&self, simd: S, before: &[f32]) -> S::f32s {
        if self.keep {
            simd.partial_load_f32s(before)
        } else {
            simd.splat_f32s(0.0)
        }
    }

    /// `dweight[k, :] = Σ_lane x[k][lane] dy[lane]` for `INPUTS` inputs at a time, as long as there are so
    /// many.
    #[inline(always)]
    fn blocks<S: Simd, const INPUTS: usize>(
        &self,
        simd: S,
        x: &[S::f32s],
        dweight: &mut [f32],
        first: &mut usize,
    ) {
        let n = dweight.len() / x.len();
        while *first + INPUTS <= x.len() {
            let mut sums = [simd.splat_f32s(0.0); INPUTS];
            if self.keep {
                for (k, sum) in sums.iter_mut().enumerate() {
                    let before = &dweight[(*first + k) * n + self.first..][..self.n];
                    *sum = self.begin(simd, before);
                }
            }
            let x: &[f32] = bytemuck::cast_slice(&x[*first..][..INPUTS]);
            for (lane, dy) in self.dy.iter().enumerate() {
                let dy = vector::<S>(&dy[self.first..]);
                for (k, sum) in sums.iter_mut().enumerate() {
                    let x = simd.splat_f32s(x[k * S::F32_LANES + lane]);
                    *sum = simd.mul_add_e_f32s(x, dy, *sum);
                }
            }
            for (k, &sum) in sums.iter().enumerate() {
                let after = &mut dweight[(*first + k) * n + self.first..][..self.n];
                simd.partial_store_f32s(after, sum);
            }
            *first += INPUTS;
        }
    }
}
