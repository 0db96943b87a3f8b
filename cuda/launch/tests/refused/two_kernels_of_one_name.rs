mod forward {
    use cuda_std::prelude::*;

    #[kernel]
    pub fn scale(a: f32, mut y: PerThread<f32>) {
        if let Some(y) = y.get_mut() {
            *y *= a;
        }
    }
}

mod backward {
    use cuda_std::prelude::*;

    #[kernel]
    pub fn scale(a: f32, mut y: PerThread<f32>) {
        if let Some(y) = y.get_mut() {
            *y /= a;
        }
    }
}

fn main() {}
