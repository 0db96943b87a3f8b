//! A training step on the CPU allocates nothing. This file has an allocator of its own, and one
//! test, so that nothing else allocates meanwhile.

use std::alloc::{GlobalAlloc, Layout, System};
use std::num::NonZero;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

use cpu::backend::{Activation, HostBackend, Window};
use cpu::data::Dataset;
use cpu::nn::{
    Adam, Architecture, Augmentation, Clipping, Initializer, Optimizer, Sgd, models,
    random_generator,
};
use cpu::train::{Recipe, Trainer};

struct Counting;

static N_ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        N_ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's obligations are those of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        N_ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's obligations are those of `System`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        N_ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's obligations are those of `System`.
        unsafe { System.realloc(pointer, layout, new_size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's obligations are those of `System`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_training_step_allocates_nothing() {
    let (n_images, n_pixels) = (500, 200);
    let data = Dataset {
        images: (0..n_images * n_pixels)
            .map(|i| (i * i % 251) as u8)
            .collect(),
        labels: (0..n_images).map(|i| (i % 10) as u8).collect(),
        size: [1, n_pixels],
        n_classes: 10,
    };
    let (tanh, he) = (Activation::Tanh, Initializer::HeNormal);
    let dense = models::mlp(&[n_pixels], &[128, 64], 10, tanh, he);
    let convolutional = Architecture::new(&[1, 10, 20], he)
        .conv2d(5, Window::square(3).padding(1))
        .batch_norm()
        .activation(tanh)
        .max_pool2d(Window::square(2).stride(2))
        .conv2d(9, Window::square(3).stride(2))
        .avg_pool2d(Window::square(2))
        .flatten()
        .dropout(0.2)
        .dense(16)
        .activation(Activation::Gelu)
        .batch_norm()
        .layer_norm(1)
        .softmax()
        .dense(10);
    let sgd = || Sgd::new(0.01).unwrap();
    for (n_threads, optimizer, architecture) in [
        (1, Optimizer::from(sgd()), &dense),
        (2, sgd().into(), &dense),
        (3, sgd().momentum(0.9).unwrap().into(), &dense),
        (2, Adam::new(1e-3).unwrap().into(), &convolutional),
    ] {
        let backend = HostBackend::new(NonZero::new(n_threads)).unwrap();
        backend.install(|| {
            let mut model = architecture
                .build(&backend, 64, &mut random_generator(1))
                .unwrap();
            let recipe = Recipe {
                augmentation: (n_threads > 1).then_some(Augmentation::DIGITS),
                // What is not fused into the backward pass.
                clipping: matches!(optimizer, Optimizer::Adam(_))
                    .then(|| Clipping::norm(1.0).unwrap()),
                ..Recipe::new(optimizer, 64, 1)
            };
            let mut trainer = Trainer::new(&backend, recipe, &data).unwrap();
            // The first steps make the optimizer's state, and each thread allocates once, when it first
            // takes work from another: on a busy machine that may be late. So one whole epoch without
            // an allocation is asked for, which steps that allocate never have.
            let mut counts = Vec::with_capacity(n_images);
            let is_free_of_allocations = (0..6).any(|_| {
                counts.clear();
                let note = |_| {
                    counts.push(N_ALLOCATIONS.load(Ordering::Relaxed));
                    ControlFlow::Continue(())
                };
                trainer.epoch_until(&backend, &mut model, note).unwrap();
                assert_eq!(counts.len(), 8);
                counts.first() == counts.last()
            });
            assert!(
                is_free_of_allocations,
                "{n_threads} threads, {model}: counts after each step {counts:?}"
            );
        });
    }
    assert_ne!(
        N_ALLOCATIONS.load(Ordering::Relaxed),
        0,
        "the allocator does not count"
    );
}
