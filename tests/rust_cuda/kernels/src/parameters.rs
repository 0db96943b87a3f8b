//! What kernels take: slices, pointers, references, structs and vectors by value.

use cuda_std::glam::{Mat3, UVec2, Vec2, Vec3};
use cuda_std::prelude::*;

#[kernel]
pub unsafe fn add(a: &[f32], b: &[f32], c: *mut f32) {
    let idx = thread::index_1d() as usize;
    if idx < a.len() {
        let element = &mut *c.add(idx);
        *element = a[idx] + b[idx];
    }
}

#[derive(Clone, Copy)]
#[repr(C)]
pub struct Camera {
    pub origin: Vec3,
    pub corner: Vec3,
    pub axes: [Vec3; 2],
    pub bounds: UVec2,
}

impl Camera {
    fn ray(&self, pixel: Vec2) -> Vec3 {
        let place = pixel / self.bounds.as_vec2();
        (self.corner + place.x * self.axes[0] + place.y * self.axes[1] - self.origin).normalize()
    }
}

/// A struct of vectors, by value and by reference.
#[kernel]
pub unsafe fn rays(by_value: Camera, by_reference: &Camera, out: *mut Vec3) {
    let idx = thread::index_2d();
    if idx.x >= by_value.bounds.x || idx.y >= by_value.bounds.y {
        return;
    }
    let pixel = (idx.y * by_value.bounds.x + idx.x) as usize;
    let rays = [by_value, *by_reference].map(|camera| camera.ray(idx.as_vec2()));
    *out.add(2 * pixel) = rays[0];
    *out.add(2 * pixel + 1) = rays[1];
}

#[kernel]
pub unsafe fn transform(matrix: Mat3, points: &[Vec3], out: *mut Vec3) {
    let idx = thread::index_1d() as usize;
    if let Some(&point) = points.get(idx) {
        *out.add(idx) = matrix * point;
    }
}

/// Every width of a parameter, each of which is aligned on its own.
#[kernel]
pub unsafe fn widths(
    a: u8,
    b: i64,
    c: bool,
    d: u16,
    e: f64,
    f: char,
    g: i8,
    h: [u16; 3],
    i: f16,
    j: usize,
    out: *mut u64,
) {
    let values = [
        u64::from(a),
        b as u64,
        u64::from(c),
        u64::from(d),
        e.to_bits(),
        u64::from(u32::from(f)),
        g as u64,
        u64::from(h[0]) | u64::from(h[1]) << 16 | u64::from(h[2]) << 32,
        u64::from(i.to_bits()),
        j as u64,
    ];
    core::slice::from_raw_parts_mut(out, values.len()).copy_from_slice(&values);
}

/// A scene as path tracers have it: slices in a struct, behind a reference.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    pub rows: &'a [&'a [u32]],
    pub weights: &'a [u32],
}

impl Scene<'_> {
    fn weighted(&self) -> impl Iterator<Item = u32> + '_ {
        let rows = self.rows.iter().zip(self.weights);
        rows.map(|(row, weight)| weight * row.iter().sum::<u32>())
    }
}

/// The first thread lays the scene out in global memory, since the host does not know where its parts
/// will lie; then each takes a row.
#[kernel]
pub unsafe fn weigh(
    numbers: &'static [u32],
    weights: &'static [u32],
    rows: *mut &'static [u32],
    scene: *mut Scene<'static>,
    out: *mut u32,
) {
    let t = thread::thread_idx_x() as usize;
    if t == 0 {
        let mut rest = numbers;
        for idx in 0..weights.len() {
            let (row, others) = rest.split_at(idx + 1);
            rows.add(idx).write(row);
            rest = others;
        }
        let rows = core::slice::from_raw_parts(rows, weights.len());
        scene.write(Scene { rows, weights });
    }
    thread::sync_threads();
    if let Some(weighted) = (*scene).weighted().nth(t) {
        *out.add(t) = weighted;
    }
}

/// Two dimensions of blocks, and a slice of bytes that is written through a pointer.
#[kernel]
pub unsafe fn plane(width: u32, height: u32, out: *mut u8) {
    let idx = thread::index_2d();
    if idx.x < width && idx.y < height {
        *out.add((idx.y * width + idx.x) as usize) = (idx.x ^ idx.y) as u8;
    }
}
