//! What the kernels were compiled to. Needs no GPU.
//!
//! `ptxas` is NVIDIA's assembler for PTX. It is looked for in `PTXAS`, on the `PATH`, in
//! `CUDA_HOME/bin`, and where `pip install nvidia-cuda-nvcc` puts it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

use cpu::backend::cuda::PTX;
use cuda_std::kernel::Kernel;
use gpu::{
    activation, addition, augmentation, batch, clipping, convolution, dense, dropout, embedding,
    fundamentals, gaussian, loss, matmul, normalization, optimizer, pooling, scan, softmax, sum,
};

/// The names of kernels, from their types.
macro_rules! names {
    ($($kernel:path),* $(,)?) => {
        BTreeSet::from([$(<$kernel as Kernel>::NAME),*])
    };
}

fn all_kernels() -> BTreeSet<&'static str> {
    names![
        activation::activation_backward,
        activation::activation_forward,
        addition::add_matrix,
        augmentation::augment,
        batch::gather_batch,
        convolution::convolution_backward_bias,
        convolution::convolution_backward_input_naive,
        convolution::convolution_backward_weight_naive,
        convolution::convolution_forward_naive,
        convolution::convolution_sum_parts,
        clipping::add_block_sums,
        clipping::clip_norm,
        clipping::clip_value,
        clipping::sum_of_squares,
        dense::dense_backward_bias,
        dense::dense_naive,
        dropout::apply_dropout,
        embedding::embedding_backward,
        embedding::embedding_forward,
        fundamentals::conjugate_gradient::conjugate_direction,
        fundamentals::conjugate_gradient::conjugate_update,
        fundamentals::conjugate_gradient::poisson_product,
        fundamentals::cosine::normalize_rows,
        fundamentals::dual::derivatives,
        fundamentals::eigen::jacobi_angles,
        fundamentals::eigen::jacobi_rotate,
        fundamentals::eigen::jacobi_rotate_vectors,
        fundamentals::eigen::off_diagonal,
        fundamentals::eigen::power_normalize,
        fundamentals::eigen::power_product,
        fundamentals::fft::fourier_transforms,
        fundamentals::fft::fourier_transforms_by_chirps,
        fundamentals::integration::midpoint_sums,
        fundamentals::integration::monte_carlo_sums,
        fundamentals::k_means::assign,
        fundamentals::least_squares::make_reflection,
        fundamentals::least_squares::reflect_columns,
        fundamentals::logistic_regression::score_samples,
        fundamentals::lu::lu_pivot,
        fundamentals::lu::lu_update,
        fundamentals::machine::copy,
        fundamentals::machine::multiply_add,
        fundamentals::matrix_vector::matrix_vector_product,
        fundamentals::nearest_neighbours::find_nearest,
        fundamentals::ode::trajectories,
        fundamentals::pi::count_in_circle,
        fundamentals::random::normal,
        fundamentals::random::uniform,
        fundamentals::scatter::add_parts,
        fundamentals::scatter::column_products,
        fundamentals::scatter::column_sums,
        fundamentals::statistics::block_moments,
        fundamentals::sums::compensated_sums,
        fundamentals::svd::svd_rotate,
        gaussian::draw_points,
        gaussian::train_network,
        loss::elementwise_loss,
        loss::predictions,
        loss::softmax_cross_entropy,
        loss::sum_statistics,
        matmul::matmul_coalesced,
        matmul::matmul_double_buffered,
        matmul::matmul_naive,
        matmul::matmul_registers,
        matmul::matmul_shared,
        matmul::matmul_vectorized,
        normalization::batch_norm_backward_input,
        normalization::batch_norm_backward_parameters,
        normalization::batch_norm_forward,
        normalization::batch_norm_statistics,
        normalization::layer_norm_backward_input,
        normalization::layer_norm_backward_parameters,
        normalization::layer_norm_forward,
        optimizer::adagrad,
        optimizer::adam,
        optimizer::rmsprop,
        optimizer::sgd,
        optimizer::sgd_momentum,
        pooling::average_pooling_backward,
        pooling::average_pooling_forward,
        pooling::max_pooling_backward,
        pooling::max_pooling_forward,
        scan::scan_add,
        scan::scan_blocks,
        scan::scan_doubling,
        scan::scan_one_thread,
        softmax::softmax_backward,
        softmax::softmax_forward,
        sum::sum_divergent,
        sum::sum_many,
        sum::sum_one_thread,
        sum::sum_sequential,
        sum::sum_shuffled,
        sum::sum_strided,
    ]
    .union(&tiled_products())
    .copied()
    .collect()
}

fn tiled_products() -> BTreeSet<&'static str> {
    names![
        dense::dense_backward_input_large,
        dense::dense_backward_input_small,
        dense::dense_backward_weight_large,
        dense::dense_backward_weight_small,
        dense::dense_forward_large,
        dense::dense_forward_small,
    ]
    .union(&tiled_convolutions())
    .copied()
    .collect()
}

/// Products whose second operand is gathered, and one whose first is.
fn tiled_convolutions() -> BTreeSet<&'static str> {
    names![
        convolution::convolution_backward_input_large,
        convolution::convolution_backward_input_small,
        convolution::convolution_backward_weight_large,
        convolution::convolution_backward_weight_small,
        convolution::convolution_forward_large,
        convolution::convolution_forward_small,
    ]
}

/// Loads and stores of 16 bytes that a kernel has at least, and the kernels that have them.
fn vector_accesses() -> Vec<(&'static str, usize, usize)> {
    let mut accesses = vec![
        (activation::activation_backward::NAME, 2, 1),
        (activation::activation_forward::NAME, 1, 1),
        // Its loads are of bytes, four at a time.
        (batch::gather_batch::NAME, 0, 1),
        (clipping::clip_norm::NAME, 1, 1),
        (clipping::clip_value::NAME, 1, 1),
        (clipping::sum_of_squares::NAME, 1, 0),
        (dropout::apply_dropout::NAME, 1, 1),
        (normalization::batch_norm_backward_input::NAME, 2, 1),
        (normalization::batch_norm_backward_parameters::NAME, 2, 0),
        (normalization::batch_norm_forward::NAME, 1, 1),
        (normalization::batch_norm_statistics::NAME, 2, 0),
        (optimizer::adagrad::NAME, 3, 2),
        (optimizer::adam::NAME, 4, 3),
        (optimizer::rmsprop::NAME, 5, 4),
        (optimizer::sgd::NAME, 2, 1),
        (optimizer::sgd_momentum::NAME, 3, 2),
    ];
    // The first tiles of two operands, and the tiles that follow; of what is gathered, elements alone.
    let convolutions = tiled_convolutions();
    accesses.extend(tiled_products().into_iter().map(|name| {
        let n_loads = if convolutions.contains(name) { 2 } else { 4 };
        (name, n_loads, 1)
    }));
    accesses
}

/// The levels' PTX; a message and nothing if the build found no compiler for the kernels.
fn levels() -> &'static [(u32, &'static str)] {
    if PTX.is_empty() {
        static SAID: Once = Once::new();
        SAID.call_once(|| say("this build has no PTX, so there is nothing to look at"));
    }
    PTX
}

/// Past the test harness, which shows what failing tests print and hides the rest.
fn say(message: &str) {
    let line = format!("ptx: {message}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// The text of each entry point, from its name to the brace that closes it.
fn entries(ptx: &str) -> BTreeMap<&str, &str> {
    ptx.split(".visible .entry ")
        .skip(1)
        .map(|text| {
            let name_end = text.find('(').expect("an entry has parameters");
            let end = text.find("\n}").expect("an entry has an end");
            (&text[..name_end], &text[..end])
        })
        .collect()
}

#[test]
fn every_level_has_every_kernel() {
    for (level, ptx) in levels() {
        let names: BTreeSet<&str> = entries(ptx).into_keys().collect();
        assert_eq!(names, all_kernels(), "sm_{level}");
        assert!(
            ptx.contains(&format!("\n.target sm_{level}\n")),
            "sm_{level}"
        );
    }
}

#[test]
fn the_instructions_are_those_that_were_meant() {
    for (level, ptx) in levels() {
        // A stack would lie in local memory.
        assert!(!ptx.contains(".local"), "sm_{level}: local memory");
        for (name, text) in entries(ptx) {
            let count = |instruction: &str| text.matches(instruction).count();
            if tiled_products().contains(name) {
                // Eight steps of 4 x 4 elements, each a fused multiply-add, and 2 loads; or of 8 x 8
                // elements and 4 loads.
                let (n_elements, n_loads) = if name.ends_with("_large") {
                    (64, 4)
                } else {
                    (16, 2)
                };
                let n_fused = count("fma.rn.f32");
                assert!(
                    n_fused >= 8 * n_elements,
                    "sm_{level}: {name}: {n_fused} fma"
                );
                let n_shared = count("ld.shared.v4.b32");
                assert!(
                    n_shared >= 8 * n_loads,
                    "sm_{level}: {name}: {n_shared} ld.shared.v4"
                );
                // In the loop over tiles, before the sums are stored, and before they are read.
                let n_barriers = count("bar.sync");
                assert!(n_barriers >= 3, "sm_{level}: {name}: {n_barriers} barriers");
            }
            // Slices that came as arguments are known to lie in global memory.
            for generic in ["\tld.b32", "\tst.b32", "\tld.v4.b32", "\tst.v4.b32"] {
                assert_eq!(count(generic), 0, "sm_{level}: {name}: {generic}");
            }
        }
        let entries = entries(ptx);
        for (name, n_loads, n_stores) in vector_accesses() {
            let count = |instruction: &str| entries[name].matches(instruction).count();
            let accesses = (count("ld.global.v4.b32"), count("st.global.v4.b32"));
            assert!(
                accesses.0 >= n_loads && accesses.1 >= n_stores,
                "sm_{level}: {name}: {accesses:?} loads and stores of 16 bytes, \
                 expected at least {:?}",
                (n_loads, n_stores)
            );
        }
    }
}

#[test]
fn no_path_of_the_machine_that_built_it_is_inside() {
    for (level, ptx) in levels() {
        for line in ptx.lines() {
            let has_path = line.split(['"', ' ', '\t']).any(|word| {
                word.starts_with('/') && !word.starts_with("//") || word.contains(":\\")
            });
            assert!(!has_path, "sm_{level}: {line}");
        }
    }
}

#[test]
fn ptxas_finds_no_stack_and_no_spills() {
    let Some(ptxas) = ptxas() else {
        say("ptxas_finds_no_stack_and_no_spills found no ptxas: \
             `pip install nvidia-cuda-nvcc`, or set PTXAS");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for architecture in [75, 80, 86, 89, 90, 100, 120] {
        let Some((level, ptx)) = levels().iter().rfind(|(level, _)| *level <= architecture) else {
            continue;
        };
        let input = folder.path().join(format!("sm_{level}.ptx"));
        std::fs::write(&input, ptx).unwrap();
        let output = Command::new(&ptxas)
            .arg(format!("-arch=sm_{architecture}"))
            .arg("-v")
            .arg(&input)
            .arg("-o")
            .arg(folder.path().join("kernels.cubin"))
            .output()
            .unwrap();
        let report = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "sm_{architecture}: {report}");
        check_report(architecture, &report);
    }
}

/// Looks at what `ptxas -v` says of each kernel:
///
/// ```text
/// ptxas info    : Compiling entry function 'sgd' for 'sm_80'
/// ptxas info    : Function properties for sgd
///     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
/// ```
fn check_report(architecture: u32, report: &str) {
    let mut seen = BTreeSet::new();
    for section in report.split("Compiling entry function '").skip(1) {
        let name = &section[..section.find('\'').unwrap()];
        seen.insert(name);
        // The kernel's own, and those of the functions that it calls.
        let mut frames = section
            .lines()
            .filter(|line| line.contains("bytes stack frame"))
            .map(str::trim)
            .peekable();
        assert!(frames.peek().is_some(), "sm_{architecture}: {section}");
        for frame in frames {
            assert_eq!(
                frame, "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads",
                "sm_{architecture}: {section}"
            );
        }
    }
    assert_eq!(seen, all_kernels(), "sm_{architecture}");
}

fn ptxas() -> Option<PathBuf> {
    let runs = |path: &Path| Command::new(path).arg("--version").output().is_ok();
    let site_packages = || {
        let script = "import sysconfig; print(sysconfig.get_path('purelib'))";
        let output = Command::new("python3").args(["-c", script]).output().ok()?;
        let folder = String::from_utf8(output.stdout).ok()?;
        Some(Path::new(folder.trim()).join("nvidia/cu13/bin/ptxas"))
    };
    std::env::var_os("PTXAS")
        .map(PathBuf::from)
        .into_iter()
        .chain([PathBuf::from("ptxas")])
        .chain(std::env::var_os("CUDA_HOME").map(|home| Path::new(&home).join("bin/ptxas")))
        .chain(site_packages())
        .find(|path| runs(path))
}
