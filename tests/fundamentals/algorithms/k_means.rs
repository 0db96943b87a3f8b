//! `k-means`.

use cpu::fundamentals::algorithms::k_means::{
    Clustering, OnDevice, Points, VERSIONS, by_threads, distance_error, k_means_plus_plus, lloyd,
    means, plain,
};
use cpu::fundamentals::algorithms::samples::Random;

use super::random_floats;

/// N, D and K.
const SHAPES: [[usize; 3]; 6] = [
    [1, 1, 1],
    [5, 3, 2],
    [64, 2, 8],
    [100, 70, 9],
    [257, 5, 20],
    [3, 1, 3],
];

fn points(coordinates: &[f32], n_dimensions: usize) -> Points<'_> {
    Points {
        coordinates,
        n_dimensions,
    }
}

fn cluster(points: Points, n_clusters: usize, seed: u64) -> Clustering {
    let begin = k_means_plus_plus(points, n_clusters, &mut Random::new(seed));
    lloyd(points, begin, |centroids| Ok(by_threads(points, centroids))).unwrap()
}

#[test]
fn every_version_finds_the_nearest() {
    for [n, d, k] in SHAPES {
        let coordinates = random_floats(n * d, n as u64);
        let points = points(&coordinates, d);
        let centroids = random_floats(k * d, 99);
        let expected = plain(points, &centroids);
        // A difference rounds twice, and each of the sums once.
        let limit = (d as f64 + 2.0) * f64::from(f32::EPSILON);
        assert!(distance_error(points, &centroids, &expected) <= limit);
        for (version, assign) in VERSIONS {
            assert_eq!(
                assign(points, &centroids),
                expected,
                "{version}, {n} {d} {k}"
            );
        }
        crate::device::on_device(|device| {
            let mut on_device = OnDevice::new(device, points).unwrap();
            assert_eq!(
                on_device.assign(&centroids).unwrap(),
                expected,
                "{n} {d} {k}"
            );
        });
    }
}

#[test]
fn of_centroids_at_the_same_distance_the_first_is_taken() {
    let points = points(&[0.0, 2.0, 1.0], 1);
    for (version, assign) in VERSIONS {
        assert_eq!(
            assign(points, &[2.0, 0.0, 2.0]).clusters,
            [1, 0, 0],
            "{version}"
        );
    }
}

#[test]
fn it_ends_where_nothing_changes() {
    for [n, d, k] in SHAPES {
        let coordinates = random_floats(n * d, n as u64);
        let points = points(&coordinates, d);
        let Clustering {
            centroids,
            assignment,
            inertias,
        } = cluster(points, k, 1);
        assert_eq!(plain(points, &centroids), assignment);
        let mut moved = centroids.clone();
        means(points, &assignment.clusters, &mut moved);
        assert_eq!(moved, centroids);
        // It never grows, but for the rounding of the squares.
        let rounding = 1.0 + (d as f64 + 2.0) * f64::from(f32::EPSILON);
        assert!(
            inertias.is_sorted_by(|a, b| *b <= a * rounding),
            "{inertias:?}"
        );
    }
}

/// The least inertia of all ways to divide points on a line into two.
fn least_inertia(x: &[f32]) -> f64 {
    let inertia = |of_first: u32| {
        let group = |first: bool| {
            let chosen = x
                .iter()
                .enumerate()
                .filter(move |(i, _)| (of_first >> i & 1 == 1) == first);
            let values: Vec<f64> = chosen.map(|(_, &x)| f64::from(x)).collect();
            let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
            values.iter().map(|x| (x - mean).powi(2)).sum::<f64>()
        };
        group(true) + group(false)
    };
    (0..1 << x.len()).map(inertia).fold(f64::INFINITY, f64::min)
}

#[test]
fn the_least_inertia_is_found_by_one_of_several_starts() {
    for seed in 0..8 {
        let x = random_floats(10, seed);
        let least = least_inertia(&x);
        let found = (0..20).map(|seed| {
            let inertias = cluster(points(&x, 1), 2, seed).inertias;
            inertias[inertias.len() - 1]
        });
        let found: Vec<f64> = found.collect();
        // The centroids are rounded to single precision.
        let limit = 1.0 + 10.0 * f64::from(f32::EPSILON);
        let best = found.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(best <= least * limit, "{found:?}, {least}");
        assert!(
            found.iter().all(|inertia| *inertia >= least / limit),
            "{found:?}, {least}"
        );
    }
}

#[test]
fn there_are_no_more_clusters_than_distinct_points() {
    // Three points, each four times, in two dimensions.
    let coordinates = [[1.0_f32, 2.0, 3.0].repeat(4), [0.0, 0.0, 7.0].repeat(4)].concat();
    let points = points(&coordinates, 2);
    for n_clusters in [3, 4, 12] {
        let Clustering {
            centroids,
            assignment,
            inertias,
        } = cluster(points, n_clusters, 5);
        assert_eq!(centroids.len(), 2 * 3);
        assert_eq!(inertias[inertias.len() - 1], 0.0);
        assert_eq!(assignment.squares, [0.0; 12]);
    }
    let one = cluster(points, 1, 5);
    assert_eq!(one.centroids, [2.0, 7.0 / 3.0]);
}

#[test]
fn a_centroid_without_points_stays() {
    let points = points(&[0.0, 1.0, 2.0], 1);
    let clustering = lloyd(points, vec![1.5, 100.0], |c| Ok(plain(points, c))).unwrap();
    assert_eq!(clustering.centroids, [1.0, 100.0]);
}

#[test]
fn begins_are_far_from_each_other() {
    // Two heaps, far away: k-means++ takes a point of each, whatever the seed.
    let coordinates = [random_floats(50, 3), random_floats(50, 4)].concat();
    let coordinates: Vec<f32> = coordinates
        .iter()
        .enumerate()
        .map(|(i, x)| if i < 50 { *x } else { x + 1e4 })
        .collect();
    for seed in 0..20 {
        let begin = k_means_plus_plus(points(&coordinates, 1), 2, &mut Random::new(seed));
        assert_ne!(begin[0] > 5e3, begin[1] > 5e3, "seed {seed}: {begin:?}");
    }
}
