//! Downloads that were cut, and servers that continue them wrongly. No package may ever be accepted that is not the pinned
//! one, byte for byte.

use std::fs;

use super::super::testing::{Bench, Outcome, Reply, Request, Server, noise, sha256};
use crate::effect::CallError;

const SIZE: usize = 70_000;
const ETAG: &str = "\"v1\"";

fn package() -> Vec<u8> {
    noise(1, SIZE)
}

fn other_version() -> Vec<u8> {
    noise(2, SIZE)
}

/// How a server goes on after the line was cut: what was asked, the package, and another version of it.
type Behaviour = fn(&Request, &[u8], &[u8]) -> Reply;

/// 206 with a range of its own making.
fn claim(body: &[u8], range: String, etag: &str) -> Reply {
    Reply::status(206).header("Content-Range", range).header("Content-Length", body.len()).etag(etag).body(body)
}

/// Starts over if it is asked without a range.
fn ranged(request: &Request, good: &[u8], part: impl FnOnce(usize) -> Reply) -> Reply {
    request.range().map_or_else(|| Reply::whole(good).etag(ETAG), part)
}

const BEHAVIOURS: &[(&str, Behaviour)] = &[
    ("continues", |r, good, _| ranged(r, good, |at| Reply::part(good, at).etag(ETAG))),
    ("starts over", |_, good, _| Reply::whole(good).etag(ETAG)),
    ("starts over with another version", |_, _, other| Reply::whole(other).etag("\"v2\"")),
    ("starts over with another version and the old etag", |_, _, other| Reply::whole(other).etag(ETAG)),
    ("starts over, cut again", |_, good, _| Reply::whole(good).etag(ETAG).cut(SIZE - 1)),
    ("one byte too early", |r, good, _| {
        ranged(r, good, |at| {
            let at = at.saturating_sub(1);
            claim(&good[at..], format!("bytes {at}-{}/{SIZE}", SIZE - 1), ETAG)
        })
    }),
    ("an earlier range of the right length", |r, good, _| {
        ranged(r, good, |at| {
            let from = at.saturating_sub(1);
            claim(&good[from..][..SIZE - at], format!("bytes {from}-{}/{SIZE}", from + SIZE - at - 1), ETAG)
        })
    }),
    ("one byte too late", |r, good, _| {
        ranged(r, good, |at| claim(&good[at + 1..], format!("bytes {}-{}/{SIZE}", at + 1, SIZE - 1), ETAG))
    }),
    ("says the right range, sends from the start", |r, good, _| {
        ranged(r, good, |at| claim(&good[..SIZE - at], format!("bytes {at}-{}/{SIZE}", SIZE - 1), ETAG))
    }),
    ("wrong total", |r, good, _| {
        ranged(r, good, |at| claim(&good[at..], format!("bytes {at}-{}/{}", SIZE - 1, SIZE + 1), ETAG))
    }),
    ("unknown total", |r, good, _| {
        ranged(r, good, |at| claim(&good[at..], format!("bytes {at}-{}/*", SIZE - 1), ETAG))
    }),
    ("a shorter range than asked", |r, good, _| {
        ranged(r, good, |at| claim(&good[at..SIZE - 1], format!("bytes {at}-{}/{SIZE}", SIZE - 2), ETAG))
    }),
    ("shorter than its range", |r, good, _| {
        ranged(r, good, |at| claim(&good[at..SIZE - 1], format!("bytes {at}-{}/{SIZE}", SIZE - 1), ETAG))
    }),
    ("ends before its range does, without a length", |r, good, _| {
        ranged(r, good, |at| {
            Reply::status(206)
                .header("Content-Range", format!("bytes {at}-{}/{SIZE}", SIZE - 1))
                .etag(ETAG)
                .body(&good[at..SIZE - 1])
        })
    }),
    ("longer than its range", |r, good, _| {
        ranged(r, good, |at| {
            let body = [&good[at..], b"more"].concat();
            claim(&body, format!("bytes {at}-{}/{SIZE}", SIZE - 1), ETAG)
        })
    }),
    ("endless after its range", |r, good, _| {
        ranged(r, good, |at| {
            Reply::status(206)
                .header("Content-Range", format!("bytes {at}-{}/{SIZE}", SIZE - 1))
                .etag(ETAG)
                .body(&good[at..])
                .endless()
        })
    }),
    ("no range in a 206", |r, good, _| {
        ranged(r, good, |at| Reply::status(206).header("Content-Length", SIZE - at).etag(ETAG).body(&good[at..]))
    }),
    ("two ranges in a 206", |r, good, _| {
        ranged(r, good, |at| Reply::part(good, at).header("Content-Range", format!("bytes 0-1/{SIZE}")).etag(ETAG))
    }),
    ("changed etag", |r, good, other| ranged(r, good, |at| Reply::part(other, at).etag("\"v2\""))),
    ("weak etag in a 206", |r, good, _| ranged(r, good, |at| Reply::part(good, at).etag("W/\"v1\""))),
    ("no etag in a 206", |r, good, _| ranged(r, good, |at| Reply::part(good, at))),
    ("other bytes under the old etag", |r, good, other| ranged(r, good, |at| Reply::part(other, at).etag(ETAG))),
    ("other bytes under the old etag, always", |r, _, other| match r.range() {
        Some(at) => Reply::part(other, at).etag(ETAG),
        None => Reply::whole(other).etag(ETAG),
    }),
    ("gzip on a range", |r, good, _| {
        ranged(r, good, |at| Reply::part(good, at).etag(ETAG).header("Content-Encoding", "gzip"))
    }),
    ("416", |r, good, _| ranged(r, good, |_| Reply::status(416).header("Content-Length", 0))),
    ("416 always", |_, _, _| Reply::status(416).header("Content-Length", 0)),
    ("206 always", |_, good, _| Reply::part(good, 1).etag(ETAG)),
    ("404", |_, _, _| Reply::status(404).header("Content-Length", 0)),
    ("500", |_, _, _| Reply::status(500).header("Content-Length", 0)),
    ("a web page", |_, _, _| Reply::whole(b"<html>Sorry</html>")),
    ("a redirect out", |_, _, _| Reply::redirect("https://example.org/")),
    ("closes at once", |_, _, _| Reply::raw("").cut(0)),
    ("speaks no http", |_, _, _| Reply::raw("220 mail.example ESMTP\r\n")),
    ("an unfinished chunk", |_, good, _| {
        Reply::status(200).header("Transfer-Encoding", "chunked").body(&[b"fffff\r\n", good].concat())
    }),
    ("cut again and again", |r, good, _| {
        ranged(r, good, |at| Reply::part(good, at).etag(ETAG).cut((SIZE - at) / 2)).cut(SIZE / 2)
    }),
];

const OFFSETS: [usize; 5] = [0, 1, SIZE / 2, SIZE - 1, SIZE];

#[test]
fn no_server_can_make_two_versions_one_package() {
    let (mut accepted, mut wrong, mut refused, mut most) = (0, 0, 0, 0);
    let hash = sha256(&package());
    for (name, behaviour) in BEHAVIOURS {
        for offset in OFFSETS {
            for etag in [ETAG, "W/\"v1\""] {
                let (good, other) = (package(), other_version());
                let server = Server::start(move |request| match request.number {
                    0 => Reply::whole(&good).etag(etag).cut(offset),
                    _ => behaviour(request, &good, &other),
                });
                let bench = Bench::new(&[&server]).pinned(&package());
                match bench.download(&server.origin()) {
                    Ok(done) => {
                        let right = done.sha256 == hash && bench.bytes(&done) == package();
                        wrong += usize::from(!right);
                        accepted += 1;
                    }
                    Err(CallError::Answer(_)) => {
                        refused += 1;
                        assert_eq!(bench.files(), [""; 0], "{name} at {offset}");
                    }
                    Err(CallError::Fault(fault)) => {
                        refused += 1;
                        assert_eq!(fault.code, "network-unavailable", "{name} at {offset}");
                    }
                }
                most = most.max(server.connections());
            }
        }
    }
    println!(
        "behaviours={} offsets={} accepted={accepted} refused={refused} wrong_accepts={wrong} most_requests={most}",
        BEHAVIOURS.len(),
        OFFSETS.len()
    );
    assert_eq!(wrong, 0);
    assert!(accepted > 100 && refused > 50);
    assert!(most <= 6, "{most} requests for one download");
}

#[test]
fn an_accepted_unpinned_package_is_one_version_too() {
    // A server that keeps an ETag and changes the bytes cannot be seen through without a pin.
    let honest =
        BEHAVIOURS.iter().filter(|(name, _)| !name.contains("old etag") && !name.contains("sends from the start"));
    let mut mixed = 0;
    for (name, behaviour) in honest {
        for offset in OFFSETS {
            let (good, other) = (package(), other_version());
            let server = Server::start(move |request| match request.number {
                0 => Reply::whole(&good).etag(ETAG).cut(offset),
                _ => behaviour(request, &good, &other),
            });
            let mut bench = Bench::new(&[&server]);
            bench.grant.accept_unpinned = true;
            if let Ok(done) = bench.download(&server.origin()) {
                let bytes = bench.bytes(&done);
                let page = bytes.starts_with(b"<html>");
                mixed += usize::from(bytes != package() && bytes != other_version() && !page);
                assert_eq!(done.sha256, sha256(&bytes), "{name} at {offset}");
            }
        }
    }
    println!("mixed_versions={mixed}");
    assert_eq!(mixed, 0);
}

/// Cuts the first `cuts` answers after 1000 bytes each, then continues properly.
fn cutting(cuts: usize, etag: &'static str) -> Server {
    let good = package();
    Server::start(move |request| {
        let reply = match request.range() {
            Some(at) => Reply::part(&good, at).etag(etag),
            None => Reply::whole(&good).etag(etag),
        };
        if request.number < cuts { reply.cut(1000) } else { reply }
    })
}

#[test]
fn a_fourth_cut_is_a_fault_and_the_next_call_goes_on_from_there() {
    let server = cutting(4, ETAG);
    let bench = Bench::new(&[&server]).pinned(&package());
    assert_eq!(bench.download(&server.origin()).fault().code, "network-unavailable");
    assert_eq!(bench.files(), ["partial-package", "resume-package.json"]);
    assert_eq!(fs::metadata(bench.config.artifacts.join("partial-package")).unwrap().len(), 4000);

    let done = bench.download(&server.origin()).unwrap();
    assert_eq!(bench.bytes(&done), package());
    let ranges: Vec<_> = server.requests().iter().map(Request::range).collect();
    assert_eq!(ranges, [None, Some(1000), Some(2000), Some(3000), Some(4000)]);
    assert_eq!(server.requests()[4].headers["if-range"], ETAG);
    assert_eq!(bench.files(), [done.artifact]);
}

#[test]
fn a_weak_etag_or_none_means_from_the_first_byte() {
    for etag in ["W/\"v1\"", "unquoted", "\"", ""] {
        let server = cutting(1, etag);
        let bench = Bench::new(&[&server]).pinned(&package());
        assert_eq!(bench.bytes(&bench.download(&server.origin()).unwrap()), package());
        assert!(server.requests().iter().all(|request| request.range().is_none()), "{etag}");
    }
}

#[test]
fn a_part_of_another_address_is_not_continued() {
    let server = cutting(4, ETAG);
    let bench = Bench::new(&[&server]).pinned(&package());
    bench.download(&format!("{}/old", server.origin())).fault();
    bench.download(&format!("{}/new", server.origin())).unwrap();
    assert_eq!(server.requests()[4].range(), None);
}

#[test]
fn a_part_that_a_power_cut_has_damaged_is_fetched_again() {
    for whole in [false, true] {
        let server = cutting(4, ETAG);
        let bench = Bench::new(&[&server]).pinned(&package());
        bench.download(&server.origin()).fault();
        let length = if whole { SIZE } else { 4000 };
        fs::write(bench.config.artifacts.join("partial-package"), vec![0; length]).unwrap();
        let done = bench.download(&server.origin()).unwrap();
        assert_eq!(bench.bytes(&done), package());
        assert_eq!(server.requests().last().unwrap().range(), None);
    }
}

#[test]
fn a_part_without_a_pin_is_not_continued_by_a_later_call() {
    let server = cutting(4, ETAG);
    let mut bench = Bench::new(&[&server]);
    bench.grant.accept_unpinned = true;
    bench.download(&server.origin()).fault();
    bench.download(&server.origin()).unwrap();
    assert_eq!(server.requests()[4].range(), None);
}

#[test]
fn a_whole_part_is_not_asked_for_again() {
    let server = cutting(4, ETAG);
    let bench = Bench::new(&[&server]).pinned(&package());
    bench.download(&server.origin()).fault();
    fs::write(bench.config.artifacts.join("partial-package"), package()).unwrap();
    assert_eq!(bench.bytes(&bench.download(&server.origin()).unwrap()), package());
    assert_eq!(server.connections(), 4);
}
