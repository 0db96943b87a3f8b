//! Steps of optimizers, in the order of operations that PyTorch documents.

/// Stochastic gradient descent.
#[derive(Debug, Clone, Copy)]
pub struct Sgd {
    pub learning_rate: f64,
    pub momentum: f64,
    pub nesterov: bool,
    pub weight_decay: f64,
}

/// Updates `parameter`, and `velocity` if there is one.
pub fn sgd_step(sgd: Sgd, parameter: &mut [f64], gradient: &[f64], velocity: Option<&mut [f64]>) {
    let mut none = vec![0.0; parameter.len()];
    let velocity = velocity.unwrap_or(&mut none);
    for ((parameter, gradient), velocity) in parameter.iter_mut().zip(gradient).zip(velocity) {
        let gradient = gradient + sgd.weight_decay * *parameter;
        *velocity = sgd.momentum * *velocity + gradient;
        let direction = if sgd.nesterov {
            gradient + sgd.momentum * *velocity
        } else {
            *velocity
        };
        *parameter -= sgd.learning_rate * direction;
    }
}

/// Adam, and AdamW where the decay is decoupled.
#[derive(Debug, Clone, Copy)]
pub struct Adam {
    pub learning_rate: f64,
    pub betas: [f64; 2],
    pub epsilon: f64,
    pub weight_decay: f64,
    pub is_decoupled: bool,
}

/// Updates `parameter` and its means in step number `step`, from 1.
pub fn adam_step(
    adam: Adam,
    step: i32,
    parameter: &mut [f64],
    gradient: &[f64],
    exp_avg: &mut [f64],
    exp_avg_sq: &mut [f64],
) {
    let [beta1, beta2] = adam.betas;
    for i in 0..parameter.len() {
        let mut gradient = gradient[i];
        if adam.is_decoupled {
            parameter[i] -= adam.learning_rate * adam.weight_decay * parameter[i];
        } else {
            gradient += adam.weight_decay * parameter[i];
        }
        exp_avg[i] = beta1 * exp_avg[i] + (1.0 - beta1) * gradient;
        exp_avg_sq[i] = beta2 * exp_avg_sq[i] + (1.0 - beta2) * gradient.powi(2);
        let mean = exp_avg[i] / (1.0 - beta1.powi(step));
        let mean_square = exp_avg_sq[i] / (1.0 - beta2.powi(step));
        parameter[i] -= adam.learning_rate * mean / (mean_square.sqrt() + adam.epsilon);
    }
}

/// RMSprop.
#[derive(Debug, Clone, Copy)]
pub struct Rmsprop {
    pub learning_rate: f64,
    pub alpha: f64,
    pub epsilon: f64,
    pub momentum: f64,
    pub weight_decay: f64,
}

/// Updates `parameter` and what there is of its state.
pub fn rmsprop_step(
    rmsprop: Rmsprop,
    parameter: &mut [f64],
    gradient: &[f64],
    square_avg: &mut [f64],
    mut velocity: Option<&mut [f64]>,
    mut grad_avg: Option<&mut [f64]>,
) {
    let alpha = rmsprop.alpha;
    for i in 0..parameter.len() {
        let gradient = gradient[i] + rmsprop.weight_decay * parameter[i];
        square_avg[i] = alpha * square_avg[i] + (1.0 - alpha) * gradient.powi(2);
        let mut variance = square_avg[i];
        if let Some(grad_avg) = &mut grad_avg {
            grad_avg[i] = alpha * grad_avg[i] + (1.0 - alpha) * gradient;
            variance = (variance - grad_avg[i].powi(2)).max(0.0);
        }
        let mut direction = gradient / (variance.sqrt() + rmsprop.epsilon);
        if let Some(velocity) = &mut velocity {
            velocity[i] = rmsprop.momentum * velocity[i] + direction;
            direction = velocity[i];
        }
        parameter[i] -= rmsprop.learning_rate * direction;
    }
}

/// Adagrad.
#[derive(Debug, Clone, Copy)]
pub struct Adagrad {
    pub learning_rate: f64,
    pub learning_rate_decay: f64,
    pub epsilon: f64,
    pub weight_decay: f64,
}

/// Updates `parameter` and the `sum` of squares in step number `step`, from 1.
pub fn adagrad_step(
    adagrad: Adagrad,
    step: i32,
    parameter: &mut [f64],
    gradient: &[f64],
    sum: &mut [f64],
) {
    let decay = 1.0 + f64::from(step - 1) * adagrad.learning_rate_decay;
    for i in 0..parameter.len() {
        let gradient = gradient[i] + adagrad.weight_decay * parameter[i];
        sum[i] += gradient.powi(2);
        let direction = gradient / (sum[i].sqrt() + adagrad.epsilon);
        parameter[i] -= adagrad.learning_rate / decay * direction;
    }
}
