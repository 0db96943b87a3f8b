//! `serve` and `mnist --serve` as those meet them who send requests: good ones, and the others.
//!
//! Each test starts the program on a free port and talks to it over a socket, byte by byte, since no
//! client would send what must not do harm.

mod server;

use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use self::server::{
    BYTES, DRAWING, PATIENCE, Reply, SIZE, Server, command, drawing, request, write_model,
};

#[test]
fn a_model_is_described_and_answers() {
    let server = Server::start();
    let page = server.ask("GET", "/", &[], b"");
    assert_eq!(page.status, 200);
    for part in [
        "text/html; charset=utf-8",
        "content-security-policy: default-src 'none'",
    ] {
        assert!(page.head.contains(part), "no {part:?} in: {}", page.head);
    }
    // Nothing of it lies elsewhere; what is named is the namespace of SVG.
    let text = page.text().replace("http://www.w3.org/2000/svg", "");
    for part in ["http:", "https:", "src=\"", "@import", "url("] {
        assert!(!text.contains(part), "{part:?} in the page");
    }
    let head = server.ask("HEAD", "/", &[], b"");
    assert_eq!((head.status, head.body.len()), (200, 0));

    let model = server.ask("GET", "/api/model", &[], b"").json();
    assert_eq!(model["name"], "<small>");
    assert_eq!(
        model["classes"],
        serde_json::json!(["<b>", "\"two\"", "three & more"])
    );
    assert_eq!(model["size"], serde_json::json!(SIZE));
    assert_eq!(
        model["drawing_size"],
        serde_json::json!(SIZE.map(|side| 4 * side))
    );
    // 70 · 5 + 5 + 5 · 3 + 3
    assert_eq!(model["n_parameters"], 373);

    let training = server.ask("GET", "/api/training", &[], b"").json();
    assert_eq!(training["is_running"], false);
    assert_eq!(training["history"], serde_json::json!([]));

    let answer = server.predict().json();
    let probabilities = answer["probabilities"].as_array().unwrap();
    let sum: f64 = probabilities.iter().map(|p| p.as_f64().unwrap()).sum();
    // Three numbers that are rounded to 24 bits.
    assert!((sum - 1.0).abs() <= 3.0 * 2.0_f64.powi(-24), "{sum}");
    let layers = answer["layers"].as_array().unwrap();
    let shapes: Vec<&Value> = layers.iter().map(|layer| &layer["shape"]).collect();
    assert_eq!(shapes, [&serde_json::json!([5]), &serde_json::json!([3])]);

    // Another drawing, another answer.
    let flat: Vec<u8> = (0..DRAWING)
        .map(|pixel| if (300..400).contains(&pixel) { 255 } else { 0 })
        .collect();
    let other = server.ask("POST", "/api/predict", &[BYTES], &flat).json();
    assert_ne!(other["probabilities"], answer["probabilities"]);
    assert!(server.interrupt().success());
}

#[test]
fn what_is_malformed_is_refused_and_the_server_goes_on() {
    let server = Server::start();
    let drawing = drawing();
    let predict = |headers: &[(&str, &str)], body: &[u8]| {
        let reply = server.ask("POST", "/api/predict", headers, body);
        server.goes_on();
        reply
    };
    for path in [
        "/favicon.ico",
        "/api",
        "/api/predict/",
        "//",
        "/../etc/passwd",
        "/%2e%2e/",
    ] {
        server
            .ask("GET", path, &[], b"")
            .refuses(404, "no such address");
    }
    for (method, path, expected) in [
        ("POST", "/", "takes GET"),
        ("DELETE", "/", "takes GET"),
        ("OPTIONS", "/api/predict", "takes POST"),
        ("GET", "/api/predict", "takes POST"),
        ("PUT", "/api/model", "takes GET"),
        ("BREW", "/", "takes GET"),
    ] {
        let reply = server.ask(method, path, &[], b"");
        reply.refuses(405, expected);
        assert!(reply.head.contains("allow: "), "{}", reply.head);
    }
    predict(&[BYTES], &drawing[1..]).refuses(400, "1119 bytes, expected 1120");
    predict(&[BYTES], b"").refuses(400, "0 bytes");
    predict(&[BYTES], &[drawing.as_slice(), b"x"].concat()).refuses(413, "too many bytes");
    predict(&[BYTES], &vec![0; DRAWING]).refuses(422, "nothing drawn");
    predict(&[], &drawing).refuses(415, "Content-Type");
    predict(&[("Content-Type", "application/json")], b"{}").refuses(415, "Content-Type");
    predict(&[BYTES, ("Host", "evil.example")], &drawing).refuses(421, "evil.example");
    predict(&[BYTES, ("Host", "192.0.2.1")], &drawing).refuses(421, "192.0.2.1");
    predict(&[BYTES, ("Origin", "http://evil.example")], &drawing).refuses(403, "elsewhere");
    predict(&[BYTES, ("Origin", "null")], &drawing).refuses(403, "elsewhere");
    for host in ["127.0.0.1:1", "LOCALHOST", "[::1]:80"] {
        let origin = format!("http://{host}");
        let reply = predict(&[BYTES, ("Host", host), ("Origin", &origin)], &drawing);
        assert_eq!(reply.status, 200, "{host}: {}", reply.text());
    }
    let reply = server.exchange(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
    Reply::parse(&reply).refuses(400, "Host");

    // Far more than fits, all of it sent, in one piece and in pieces of unknown number.
    let huge = vec![1; 20 << 20];
    predict(&[BYTES], &huge).refuses(413, "too many bytes");
    let chunk = [b"100000\r\n".as_slice(), &huge[..1 << 20], b"\r\n"].concat();
    let chunks = [chunk.repeat(5).as_slice(), b"0\r\n\r\n"].concat();
    let chunked = ("Transfer-Encoding", "chunked");
    predict(&[BYTES, chunked], &chunks).refuses(413, "too many bytes");
    // Who asks first need not send it.
    let promised = [
        BYTES,
        ("Content-Length", "999999999"),
        ("Expect", "100-continue"),
    ];
    predict(&promised, b"").refuses(413, "too many bytes");

    // The protocol itself: the status is the library's, there is no sentence.
    let long = "x".repeat(100 << 10);
    for bytes in [
        "hello\r\n\r\n".to_owned(),
        "\0\0\0\0\r\n\r\n".to_owned(),
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost localhost\r\n\r\n".to_owned(),
        "POST /api/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n".to_owned(),
        format!("GET /{long} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {long}\r\n\r\n"),
    ] {
        let reply = server.exchange(bytes.as_bytes());
        // Closing while bytes are on their way can take the reply away with it.
        if !reply.is_empty() {
            let status = Reply::parse(&reply).status;
            assert!(
                (400..500).contains(&status),
                "{status} for {:?}",
                &bytes[..20.min(bytes.len())]
            );
        }
        server.goes_on();
    }
    assert!(server.interrupt().success());
}

#[test]
fn mutated_requests_do_no_harm() {
    let server = Server::start();
    let good = request("POST", "/api/predict", &[BYTES], &drawing());
    let head = good.len() - DRAWING;
    let mut random = fastrand::Rng::with_seed(6);
    let mut n_refused = 0;
    for round in 0..300 {
        let mut bytes = good.clone();
        for _ in 0..random.usize(1..6) {
            // Most of them in the head, which has the structure.
            let last = if random.u8(..) < 200 {
                head
            } else {
                bytes.len()
            };
            let place = random.usize(..last.min(bytes.len()));
            match random.u8(..4) {
                0 => bytes[place] = random.u8(..),
                1 => bytes.insert(
                    place,
                    random.choice(b"\r\n\0: \xFF9".iter()).copied().unwrap(),
                ),
                2 => drop(bytes.remove(place)),
                _ => bytes.truncate(place.max(1)),
            }
            if bytes.is_empty() {
                bytes.push(b'G');
            }
        }
        let reply = server.exchange(&bytes);
        if !reply.is_empty() {
            let status = Reply::parse(&reply).status;
            assert!((200..500).contains(&status), "round {round}: {status}");
            n_refused += usize::from(status >= 400);
        }
    }
    // The mutations are such as to be noticed.
    assert!(n_refused > 50, "{n_refused}");
    server.goes_on();
    assert!(server.interrupt().success());
}

#[test]
fn slow_and_idle_clients_stop_nobody() {
    let server = Server::start();
    let good = request("POST", "/api/predict", &[BYTES], &drawing());
    // More than the server keeps: it has to close the oldest to let others in.
    let mut idle: Vec<TcpStream> = (0..300).map(|_| server.connect()).collect();
    for (index, stream) in idle.iter_mut().enumerate() {
        // Some stop within the head, some within the body, and some say nothing at all.
        let part = match index % 3 {
            0 => &good[..20],
            1 => &good[..good.len() - 1],
            _ => &[],
        };
        // It may be closed already.
        let _ = stream.write_all(part);
    }
    let start = Instant::now();
    server.goes_on();
    // Nothing of this waits for the slow ones' time to run out, which is 10 seconds.
    assert!(
        start.elapsed() < Duration::from_secs(8),
        "{:?}",
        start.elapsed()
    );
    drop(idle);
    server.goes_on();

    // One who never ends sending is cut off.
    let mut endless = server.connect();
    endless.write_all(&good[..30]).unwrap();
    let start = Instant::now();
    while endless.write_all(b"x").is_ok() {
        assert!(
            start.elapsed() < PATIENCE,
            "a head that never ends is read forever"
        );
        thread::sleep(Duration::from_millis(100));
    }
    server.goes_on();
    assert!(server.interrupt().success());
}

#[test]
fn what_cannot_be_served_is_refused_before_anything_is_opened() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    write_model(&folder.path().join("image"), &[1, SIZE[0], SIZE[1]]);
    write_model(&folder.path().join("row"), &[4]);
    let taken = server.address.port().to_string();
    for (arguments, part) in [
        (
            &["serve", "missing"][..],
            "missing: the model cannot be read",
        ),
        (&["serve", "row", "--port", "0"], "no grey images"),
        (
            &["serve", "image", "--port", &taken],
            "nobody can listen at",
        ),
        (&["serve", "image", "--port", "70000"], "--port"),
        (
            &["serve", "image", "--port", "0", "--host", "no such host"],
            "no such host",
        ),
        (&["serve"], "MODEL"),
    ] {
        let output = command(folder.path(), arguments).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert!(text.contains(part), "no {part:?} in: {text}");
        assert!(!text.contains("panicked"), "{text}");
    }
    server.goes_on();
}

#[test]
fn a_model_answers_while_it_is_trained_and_after() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = "mnist --dataset digits --train-limit 2000 --test-limit 50 --epochs 400 --device cpu \
                     --hidden 8 --batch-size 8 --serve 0";
    let server = Server::spawn(folder, &arguments.split(' ').collect::<Vec<_>>());
    let training = || server.ask("GET", "/api/training", &[], b"").json();
    let drawing: Vec<u8> = (0..112 * 112)
        .map(|pixel| {
            if (50..62).contains(&(pixel % 112)) && (2000..9000).contains(&pixel) {
                255
            } else {
                0
            }
        })
        .collect();
    let start = Instant::now();
    let mut n_epochs = 0;
    let mut answers = Vec::new();
    while answers.len() < 3 {
        assert!(start.elapsed() < PATIENCE, "{:?}", training());
        let told = training();
        assert_eq!(
            told["is_running"], true,
            "the training is over before it was looked at"
        );
        let n = told["history"].as_array().unwrap().len();
        if n > n_epochs {
            n_epochs = n;
            let answer = server.ask("POST", "/api/predict", &[BYTES], &drawing);
            assert_eq!(answer.status, 200, "{}", answer.text());
            answers.push(answer.json()["probabilities"].clone());
        }
    }
    // It has learned in between.
    assert_ne!(answers[0], answers[2]);
    let history = training()["history"].as_array().unwrap().clone();
    assert_eq!(history[0]["epoch"], 1);
    assert!(history[0]["train_loss"].as_f64().unwrap() > 0.0);
}

#[test]
fn a_model_is_still_served_when_its_training_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = "mnist --dataset digits --train-limit 50 --test-limit 50 --epochs 2 --device cpu \
                     --hidden 8 --serve 0";
    let server = Server::spawn(folder, &arguments.split(' ').collect::<Vec<_>>());
    let start = Instant::now();
    let training = loop {
        let training = server.ask("GET", "/api/training", &[], b"").json();
        if training["is_running"] == false {
            break training;
        }
        assert!(start.elapsed() < PATIENCE, "{training}");
        thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(training["history"].as_array().unwrap().len(), 2);
    let mut drawing = vec![0; 112 * 112];
    drawing[112 * 20 + 50..112 * 20 + 70].fill(255);
    let answer = server.ask("POST", "/api/predict", &[BYTES], &drawing);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(server.interrupt().success());
}
