//! `nearest-neighbours`.

use cpu::fundamentals::algorithms::nearest_neighbours::{
    Neighbour, OnDevice, Search, Terms, VERSIONS, directions, distance_error, plain, vote,
};

use super::random_floats;

/// N, Q, D and the number of neighbours.
const SHAPES: [[usize; 4]; 6] = [
    [1, 1, 1, 1],
    [9, 3, 2, 4],
    [64, 5, 70, 32],
    [60, 130, 3, 5],
    [600, 2, 1, 7],
    [3, 4, 2, 8],
];

#[test]
fn every_version_finds_the_same_neighbours() {
    for [n, q, d, k] in SHAPES {
        for terms in [Terms::Squares, Terms::Absolutes] {
            let (points, queries) = (random_floats(n * d, n as u64), random_floats(q * d, 99));
            let search = Search {
                points: &points,
                queries: &queries,
                n_dimensions: d,
                n_neighbours: k,
                terms,
            };
            let expected = plain(&search);
            assert!(expected.iter().all(|found| found.len() == k.min(n)));
            // A difference rounds twice, and each of the sums once.
            let limit = (d as f64 + 2.0) * f64::from(f32::EPSILON);
            assert!(distance_error(&search, &expected) <= limit);
            for (version, find) in VERSIONS {
                assert_eq!(
                    find(&search),
                    expected,
                    "{version}, {n} {q} {d} {k} {terms:?}"
                );
            }
            crate::device::on_device(|device| {
                let mut on_device = OnDevice::new(device, &search).unwrap();
                assert_eq!(
                    on_device.find().unwrap(),
                    expected,
                    "{n} {q} {d} {k} {terms:?}"
                );
            });
        }
    }
}

#[test]
fn ties_are_broken_by_the_index() {
    // All at a distance of 1, but for two that are nearer; many of them, for lanes and parts.
    let mut points = [1.0_f32, -1.0].repeat(300);
    points[500] = 0.5;
    points[30] = -0.5;
    let search = Search {
        points: &points,
        queries: &[0.0],
        n_dimensions: 1,
        n_neighbours: 5,
        terms: Terms::Squares,
    };
    for (version, find) in VERSIONS {
        let found: Vec<u32> = find(&search)[0]
            .iter()
            .map(|neighbour| neighbour.point)
            .collect();
        assert_eq!(found, [30, 500, 0, 1, 2], "{version}");
    }
    crate::device::on_device(|device| {
        let found = OnDevice::new(device, &search).unwrap().find().unwrap();
        assert_eq!(found, plain(&search));
    });
}

#[test]
fn the_majority_decides_and_then_the_nearest() {
    let neighbours = |points: &[u32]| -> Vec<Neighbour> {
        let places = points.iter().enumerate();
        places
            .map(|(rank, &point)| Neighbour {
                distance: rank as f32,
                point,
            })
            .collect()
    };
    let classes = [7, 7, 3, 3, 5];
    for (points, class) in [
        (&[0, 2, 3][..], Some(3)),
        (&[2, 0, 3, 1], Some(3)),
        (&[0, 2, 3, 1], Some(7)),
        (&[4, 0, 2], Some(5)),
        (&[4], Some(5)),
        (&[], None),
    ] {
        assert_eq!(vote(&neighbours(points), &classes), class, "{points:?}");
    }
}

#[test]
fn directions_have_a_length_of_one() {
    // Two points of two coordinates: (3, 4) and (0, -2).
    let mut points = [3.0, 0.0, 4.0, -2.0];
    directions(&mut points, 2).unwrap();
    assert_eq!(points, [0.6, 0.0, 0.8, -1.0]);
    let error = directions(&mut [1.0, 0.0, 1.0, 0.0], 2).unwrap_err();
    assert!(
        error.to_string().contains("point 2 is all zeros"),
        "{error}"
    );
}
