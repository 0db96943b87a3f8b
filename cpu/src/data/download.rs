//! Fetches files over HTTP into a folder, where none appears before its checksum is right.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tempfile::NamedTempFile;
use ureq::{Agent, Proxy};

use super::mnist::KnownFile;

/// How long to wait for a name and for a connection: a machine without a network is to go on within
/// seconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long to wait for an answer, and for each next piece of data.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// More than any of the files has, compressed.
const MAX_BYTES: u64 = 64 << 20;

/// A place that was tried in vain.
#[derive(Debug)]
pub(super) struct Tried {
    /// The folder or the address.
    pub place: String,
    /// Why it would not do.
    pub reason: String,
}

/// Fetches `files`, compressed with gzip, into `folder`, through the proxy that the environment
/// names, if any. A mirror that fails is left for the next one; files that have arrived stay.
///
/// # Errors
///
/// Each mirror with the reason why it failed.
pub(super) fn download(
    mirrors: &[String],
    files: &[KnownFile],
    folder: &Path,
    report: &mut dyn FnMut(&str),
) -> Result<(), Vec<Tried>> {
    let agent = agent(Proxy::try_from_env());
    download_through(&agent, mirrors, files, folder, report)
}

fn agent(proxy: Option<Proxy>) -> Agent {
    Agent::config_builder()
        .proxy(proxy)
        .timeout_resolve(Some(CONNECT_TIMEOUT))
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .timeout_recv_response(Some(READ_TIMEOUT))
        .timeout_per_read(Some(READ_TIMEOUT))
        .build()
        .into()
}

fn download_through(
    agent: &Agent,
    mirrors: &[String],
    files: &[KnownFile],
    folder: &Path,
    report: &mut dyn FnMut(&str),
) -> Result<(), Vec<Tried>> {
    let mut tried = Vec::new();
    let mut files = files.iter().peekable();
    for mirror in mirrors {
        let mirror = mirror.trim_end_matches('/');
        loop {
            let Some(file) = files.peek() else {
                return Ok(());
            };
            let url = format!("{mirror}/{}.gz", file.name);
            if let Err(reason) = fetch(agent, &url, file, folder, report) {
                tried.push(Tried { place: url, reason });
                break;
            }
            files.next();
        }
    }
    Err(tried)
}

/// Fetches one file: writes it under a temporary name, checks it, renames it.
fn fetch(
    agent: &Agent,
    url: &str,
    file: &KnownFile,
    folder: &Path,
    report: &mut dyn FnMut(&str),
) -> Result<(), String> {
    let response = agent.get(url).call().map_err(|error| error.to_string())?;
    let in_folder = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(in_folder)?;
    report(&format!("downloading {url} to {}", folder.display()));
    let length = response.body().content_length();
    let mut body = response
        .into_body()
        .into_with_config()
        .limit(MAX_BYTES)
        .reader();

    let mut temporary = NamedTempFile::new_in(folder).map_err(in_folder)?;
    let bar = length.map_or_else(ProgressBar::no_length, ProgressBar::new);
    bar.set_style(
        ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {bytes_per_sec}")
            .expect("the template is well-formed"),
    );
    let mut buffer = vec![0; 1 << 16];
    loop {
        let n_bytes = body.read(&mut buffer).map_err(|error| error.to_string())?;
        if n_bytes == 0 {
            break;
        }
        temporary.write_all(&buffer[..n_bytes]).map_err(in_folder)?;
        bar.inc(n_bytes as u64);
    }
    bar.finish_and_clear();

    let checksum = file.checksum(temporary.path()).map_err(|_| {
        "what arrived is not the file that was asked for: it is damaged or something else"
            .to_owned()
    })?;
    if checksum != file.sha256 {
        return Err(format!(
            "what arrived has the SHA-256 {checksum}, expected {}",
            file.sha256
        ));
    }
    temporary.as_file().sync_all().map_err(in_folder)?;
    temporary
        .persist(folder.join(format!("{}.gz", file.name)))
        .map_err(|error| in_folder(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;
    use std::path::PathBuf;
    use std::thread;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::super::idx;
    use super::super::mnist::Kind;
    use super::*;

    const LABELS: &[u8] = &[3, 1, 4, 1, 5];
    const FILE: KnownFile = KnownFile {
        name: "five-labels-idx1-ubyte",
        kind: Kind::Labels,
        sha256: "c1d628e0f8b80965d2ab002b942cd3c15288462f5915a0d9e55883b61a5f1e1d",
    };

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn labels_file(labels: &[u8]) -> Vec<u8> {
        gzip(&[idx::header(&[labels.len()]), labels.to_vec()].concat())
    }

    /// Serves `responses` by path, for as long as the process lives, and says where.
    fn serve(responses: HashMap<String, Vec<u8>>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let request = lines.next().unwrap().unwrap();
                lines.find(|line| line.as_ref().is_ok_and(String::is_empty));
                let path = request.split(' ').nth(1).unwrap();
                let response = responses.get(path).cloned().unwrap_or_else(|| {
                    b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                        .to_vec()
                });
                // The client may have hung up.
                let _ = stream.write_all(&response);
            }
        });
        format!("http://{address}/mirror")
    }

    /// A mirror that has one file, of which it announces `length` bytes.
    fn mirror(body: &[u8], length: usize) -> String {
        let mut response =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")
                .into_bytes();
        response.extend(body);
        serve(HashMap::from([(
            format!("/mirror/{}.gz", FILE.name),
            response,
        )]))
    }

    fn names(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into())
            .collect()
    }

    #[test]
    fn a_file_arrives_under_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("not/yet/there");
        let body = labels_file(LABELS);
        let mut lines = Vec::new();
        let mirrors = [serve(HashMap::new()), mirror(&body, body.len()) + "/"];
        download_through(&agent(None), &mirrors, &[FILE], &folder, &mut |line| {
            lines.push(line.to_owned())
        })
        .unwrap();
        assert_eq!(names(&folder), [PathBuf::from(format!("{}.gz", FILE.name))]);
        let path = folder.join(format!("{}.gz", FILE.name));
        assert_eq!(idx::read_labels(&path).unwrap(), LABELS);
        assert_eq!(lines.len(), 1, "{lines:?}");
    }

    #[test]
    fn nothing_is_left_of_a_file_that_is_wrong() {
        let good = labels_file(LABELS);
        let other = labels_file(&[3, 1, 4, 1, 6]);
        for (mirror, reason) in [
            (mirror(&other, other.len()), "expected c1d628"),
            (
                mirror(b"<html>Please log in", 19),
                "damaged or something else",
            ),
            (mirror(&good[..good.len() - 3], good.len()), ""),
            (mirror(&good, MAX_BYTES as usize + 1), ""),
            (serve(HashMap::new()), "404"),
            ("http://127.0.0.1:1".to_owned(), ""),
            ("no mirror at all".to_owned(), ""),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let tried = download_through(
                &agent(None),
                std::slice::from_ref(&mirror),
                &[FILE],
                folder.path(),
                &mut |_| (),
            )
            .unwrap_err();
            assert_eq!(tried.len(), 1);
            assert!(
                tried[0].place.starts_with(&mirror) && tried[0].reason.contains(reason),
                "{tried:?}"
            );
            assert!(
                names(folder.path()).is_empty(),
                "{mirror}: {:?}",
                names(folder.path())
            );
        }
    }
}
