//! Archives that want out, want too much, or are none.

use std::io::{Cursor, Write};

use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::*;

/// A zip of names and texts; a name with a slash at its end is a directory.
pub(super) fn zip_of(contents: &[(&str, &str)]) -> Vec<u8> {
    zip_with(|zip| {
        for (name, text) in contents {
            if let Some(directory) = name.strip_suffix('/') {
                zip.add_directory(directory, SimpleFileOptions::default().unix_permissions(0o750)).unwrap();
            } else {
                file(zip, name, text.as_bytes(), 0o644);
            }
        }
    })
}

fn zip_with(fill: impl FnOnce(&mut ZipWriter<Cursor<Vec<u8>>>)) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    fill(&mut zip);
    zip.finish().unwrap().into_inner()
}

fn file(zip: &mut ZipWriter<Cursor<Vec<u8>>>, name: &str, bytes: &[u8], mode: u32) {
    zip.start_file(name, SimpleFileOptions::default().unix_permissions(mode)).unwrap();
    zip.write_all(bytes).unwrap();
}

fn link(zip: &mut ZipWriter<Cursor<Vec<u8>>>, name: &str, target: &str) {
    zip.add_symlink(name, target, SimpleFileOptions::default()).unwrap();
}

/// A zip with stored files, byte for byte as told: what no honest writer makes.
fn raw_zip(entries: &[(&[u8], &[u8], u32)]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, data, mode) in entries {
        let start = u32::try_from(out.len()).unwrap();
        let (length, crc) = (u32::try_from(data.len()).unwrap(), crc32(data));
        let mut common = Vec::new();
        common.extend([20, 0, 0, 0, 0, 0, 0, 0, 33, 0]);
        common.extend(crc.to_le_bytes());
        common.extend(length.to_le_bytes());
        common.extend(length.to_le_bytes());
        common.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        common.extend([0, 0]);
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(*name);
        out.extend(*data);
        directory.extend(b"PK\x01\x02\x14\x03");
        directory.extend(&common);
        directory.extend([0; 6]);
        directory.extend((mode << 16).to_le_bytes());
        directory.extend(start.to_le_bytes());
        directory.extend(*name);
    }
    let (count, start) = (u16::try_from(entries.len()).unwrap(), u32::try_from(out.len()).unwrap());
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(u32::try_from(directory.len()).unwrap().to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
    out
}

fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1)))
    })
}

fn extract(site: &mut Site, bytes: &[u8], strip: u32) -> Result<Extracted, CallError> {
    let seq = site.next();
    let artifact = format!("artifact-{seq}");
    fs::write(site.path("artifacts").join(&artifact), bytes).unwrap();
    site.stage.admit_artifact(&artifact);
    let prepared = site.stage.prepare_extract(seq, &artifact, "app", strip)?;
    let answer = (prepared.act)()?;
    Ok(serde_json::from_value(answer).unwrap())
}

#[track_caller]
fn refused_with(expected: &str, bytes: &[u8]) {
    let mut site = Site::new();
    let before = site.picture();
    assert_eq!(code(extract(&mut site, bytes, 0)), expected);
    assert_eq!(site.picture(), before);
    for directory in ["tmp", "trees"] {
        let left = fs::read_dir(site.path("app/.liftlock-r1").join(directory)).map_or(0, Iterator::count);
        assert_eq!(left, 0, "something is left in {directory}");
    }
    assert_eq!(fs::read_dir(site.path("outside")).unwrap().count(), 1);
}

#[test]
fn names_that_lead_out_are_refused() {
    for name in [
        &b"../evil"[..],
        b"a/../../evil",
        b"/etc/evil",
        b"a/..",
        b"././a",
        b"a/./b",
        b".",
        b"a//b",
        b"..\\evil",
        b"a\\b",
        b"C:evil",
        b"c:/evil",
        b"nul\0byte",
        b".liftlock-r1/undo/1",
        b"a/.liftlock-r1",
        &[b'n'; 256],
        &b"d/".repeat(2100),
        &[b"d/".repeat(64).as_slice(), b"x"].concat(),
    ] {
        refused_with("archive-unsafe", &raw_zip(&[(name, b"x", 0o100_644)]));
    }
}

#[test]
fn names_that_collide_are_refused() {
    let two = |a: &[u8], b: &[u8]| raw_zip(&[(a, b"1", 0o100_644), (b, b"2", 0o100_644)]);
    refused_with("archive-unsafe", &two(b"a", b"a"));
    refused_with("archive-unsafe", &two(b"Index.php", b"index.php"));
    refused_with("archive-unsafe", &two("Ä".as_bytes(), "ä".as_bytes()));
    refused_with("archive-unsafe", &two(b"Lib/a", b"lib/b"));
    refused_with("archive-unsafe", &two(b"a", b"a/b"));
    refused_with("archive-unsafe", &two(b"a/b", b"a"));
    refused_with("archive-unsafe", &raw_zip(&[(b"a", b"", 0o100_644), (b"a/", b"", 0o040_755)]));
}

#[test]
fn links_that_lead_out_are_refused() {
    for (name, target) in [
        ("a", "/etc/passwd"),
        ("a", ".."),
        ("a", "../x"),
        ("d/a", "../../x"),
        ("a", "b/../../x"),
        ("a", "b/.."),
        ("a", ""),
        ("a", "..\\x"),
    ] {
        refused_with("archive-unsafe", &raw_zip(&[(name.as_bytes(), target.as_bytes(), 0o120_777)]));
    }
}

#[test]
fn a_file_through_a_link_is_refused() {
    refused_with("archive-unsafe", &raw_zip(&[(b"a", b"b", 0o120_777), (b"a/evil", b"x", 0o100_644)]));
    refused_with("archive-unsafe", &raw_zip(&[(b"a/evil", b"x", 0o100_644), (b"a", b"b", 0o120_777)]));
    // a → . and b → a/../x would meet outside; the second is refused for its shape alone.
    refused_with("archive-unsafe", &raw_zip(&[(b"a", b".", 0o120_777), (b"b", b"a/../x", 0o120_777)]));
}

#[test]
fn devices_and_fifos_are_refused() {
    for kind in [0o010_000, 0o020_000, 0o060_000, 0o140_000] {
        refused_with("archive-unsafe", &raw_zip(&[(b"a", b"", kind | 0o644)]));
    }
}

#[test]
fn a_local_header_that_says_otherwise_is_refused() {
    let mut bytes = raw_zip(&[(b"good", b"x", 0o100_644)]);
    let at = bytes.windows(4).position(|part| part == b"good").unwrap();
    bytes[at..at + 4].copy_from_slice(b"evil");
    refused_with("archive-unsafe", &bytes);
}

#[test]
fn entries_that_share_their_bytes_are_refused() {
    // Both entries of the directory point to the same local file: the way an overlapping bomb begins.
    let mut bytes = raw_zip(&[(b"a", b"data", 0o100_644), (b"b", b"data", 0o100_644)]);
    let second = bytes.windows(4).rposition(|part| part == b"PK\x01\x02").unwrap();
    bytes[second + 42..second + 46].copy_from_slice(&0_u32.to_le_bytes());
    refused_with("archive-unsafe", &bytes);
}

#[test]
fn a_hidden_archive_before_the_archive_is_refused() {
    let inner = zip_of(&[("hidden", "x")]);
    let outer = zip_of(&[("shown", "y")]);
    refused_with("archive-unsafe", &[inner, outer].concat());
}

#[test]
fn what_is_no_archive_says_what_it_is() {
    let mut site = Site::new();
    for (bytes, word) in [
        (&b"<!DOCTYPE html><html><body>404 Not Found"[..], "web page"),
        (b"\n  <html>Sorry", "web page"),
        (b"", "empty"),
        (b"\x1f\x8b\x08 a gzip", "begin"),
    ] {
        let Err(CallError::Answer(failure)) = extract(&mut site, bytes, 0) else { panic!("{word}") };
        assert_eq!(failure.code, "not-an-archive");
        assert!(failure.message.contains(word), "{}", failure.message);
    }
}

#[test]
fn an_archive_cut_anywhere_is_never_accepted() {
    let mut site = Site::new();
    let whole = zip_of(&[("index.php", "new index"), ("lib/a.php", "a"), ("lib/b.php", &"b".repeat(1000))]);
    let before = site.picture();
    for length in 0..whole.len() {
        let failed = code(extract(&mut site, &whole[..length], 0));
        let known = ["archive-damaged", "not-an-archive", "archive-unsafe"].contains(&failed.as_str());
        assert!(known, "{length}: {failed}");
    }
    assert_eq!(site.picture(), before);
    extract(&mut site, &whole, 0).unwrap();
}

#[test]
fn a_flipped_bit_never_changes_what_is_extracted() {
    let mut site = Site::new();
    let whole =
        zip_of(&[("index.php", "new index, long enough to be packed: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), ("b", "b")]);
    let good = extract(&mut site, &whole, 0).unwrap();
    let expected = fs::read(site.tree_path(&good.tree).join("index.php")).unwrap();
    for bit in (0..whole.len() * 8).step_by(11) {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        // Some bits say nothing (times, versions); what does come out must be the bytes that went in.
        let Ok(extracted) = extract(&mut site, &bytes, 0) else { continue };
        if let Ok(found) = fs::read(site.tree_path(&extracted.tree).join("index.php")) {
            assert_eq!(found, expected, "bit {bit}");
        }
    }
}

fn limited(limits: ArchiveLimits) -> Site {
    Site::with(|config| config.limits = limits, |_| {})
}

#[test]
fn bombs_are_refused() {
    let bomb = zip_with(|zip| {
        zip.start_file("zeros", SimpleFileOptions::default().compression_method(CompressionMethod::Deflated)).unwrap();
        for _ in 0..8 {
            zip.write_all(&vec![0; 1 << 20]).unwrap();
        }
    });
    refused_with("archive-too-big", &bomb);

    let three = zip_of(&[("a", "12345"), ("b", "12345"), ("c/d", "12345")]);
    for limits in [
        ArchiveLimits { bytes: 14, ..ArchiveLimits::default() },
        ArchiveLimits { entry_bytes: 4, ..ArchiveLimits::default() },
        ArchiveLimits { entries: 2, ..ArchiveLimits::default() },
        ArchiveLimits { entries: 3, ..ArchiveLimits::default() },
    ] {
        assert_eq!(code(extract(&mut limited(limits), &three, 0)), "archive-too-big", "{limits:?}");
    }
    let fits = ArchiveLimits { bytes: 15, entry_bytes: 5, entries: 4, ..ArchiveLimits::default() };
    extract(&mut limited(fits), &three, 0).unwrap();
}

#[test]
fn a_size_that_lies_is_found_by_what_comes_out() {
    let mut bytes = zip_of(&[("a", &"a".repeat(5000))]);
    // Both headers say 10 bytes; 5,000 come out.
    for signature in [&b"PK\x03\x04"[..], b"PK\x01\x02"] {
        let at = bytes.windows(4).position(|part| part == signature).unwrap();
        let offset = at + if signature[2] == 3 { 22 } else { 24 };
        bytes[offset..offset + 4].copy_from_slice(&10_u32.to_le_bytes());
    }
    let failed = code(extract(&mut Site::new(), &bytes, 0));
    assert!(["archive-damaged", "archive-unsafe"].contains(&failed.as_str()), "{failed}");
}

#[test]
fn an_honest_archive_is_extracted() {
    let mut site = Site::new();
    let bytes = zip_with(|zip| {
        file(zip, "app-2/index.php", b"new index", 0o644);
        file(zip, "app-2/bin/console", b"#!", 0o4755);
        zip.add_directory("app-2/var", SimpleFileOptions::default().unix_permissions(0o2770)).unwrap();
        file(zip, "app-2/var/locked/none", b"", 0o000);
        link(zip, "app-2/bin/link", "../index.php");
    });
    let extracted = extract(&mut site, &bytes, 1).unwrap();
    assert_eq!(extracted.tree, "tree-1");
    assert_eq!((extracted.entries, extracted.bytes), (7, 11));
    let tree = site.tree_path("tree-1");
    let mode = |name: &str| tree.join(name).symlink_metadata().unwrap().mode() & 0o7777;
    assert_eq!(fs::read_to_string(tree.join("bin/link")).unwrap(), "new index");
    assert_eq!((mode("index.php"), mode("bin/console"), mode("var"), mode("bin")), (0o644, 0o755, 0o770, 0o755));
    assert_eq!(mode("var/locked/none"), 0o644, "no mode at all is a packer that knows none");
    let age = tree.join("index.php").metadata().unwrap().modified().unwrap().elapsed().unwrap_or_default();
    assert!(age.as_secs() < 60, "modified now, never when the archive says");
}

#[test]
fn extract_is_settled_and_undone() {
    let mut site = Site::new();
    let before = site.picture();
    fs::write(site.path("artifacts/artifact-1"), zip_of(&[("a", "a"), ("d/b", "b")])).unwrap();
    site.stage.admit_artifact("artifact-1");
    let prepared = site.stage.prepare_extract(1, "artifact-1", "app", 0).unwrap();
    assert!(!prepared.change.touches);
    assert_eq!(site.files.settle(&prepared.change).unwrap(), Verdict::NotDone);
    let prepared = site.stage.prepare_extract(1, "artifact-1", "app", 0).unwrap();
    let answer = (prepared.act)().unwrap();
    assert_eq!(site.files.settle(&prepared.change).unwrap(), Verdict::Done(answer));
    site.files.undo(&prepared.change).unwrap();
    site.files.undo(&prepared.change).unwrap();
    assert!(!site.tree_path("tree-1").exists());
    assert_eq!(site.picture(), before);
}

#[test]
fn strip_takes_directories_only() {
    let mut site = Site::new();
    assert_eq!(code(extract(&mut site, &zip_of(&[("top/a", "a"), ("readme", "r")]), 1)), "invalid-strip");
    assert_eq!(code(extract(&mut site, &zip_of(&[("x/a", "a"), ("y/a", "a")]), 1)), "archive-unsafe");
    extract(&mut site, &zip_of(&[("top/", ""), ("top/a", "a")]), 1).unwrap();
    assert_eq!(code(extract(&mut site, &zip_of(&[("a", "a")]), u32::MAX)), "invalid-strip");
}

#[test]
fn a_dot_at_the_beginning_of_all_names_is_left_out() {
    let mut site = Site::new();
    let bytes = raw_zip(&[(b"./", b"", 0o040_755), (b"./d/", b"", 0o040_755), (b"./d/a", b"x", 0o100_644)]);
    let extracted = extract(&mut site, &bytes, 0).unwrap();
    assert_eq!(extracted.entries, 2);
    assert_eq!(fs::read(site.tree_path(&extracted.tree).join("d/a")).unwrap(), b"x");
    refused_with("archive-unsafe", &raw_zip(&[(b"./a", b"1", 0o100_644), (b"a", b"2", 0o100_644)]));
}

#[test]
fn names_that_are_not_utf8_are_kept() {
    let mut site = Site::new();
    let extracted = extract(&mut site, &raw_zip(&[(b"caf\xe9/x\xff", b"x", 0o100_644)]), 0).unwrap();
    site.stage.admit_tree(&extracted.tree);
    assert_eq!(site.stage.read(&tree(&extracted.tree), "caf\\xe9/x\\xff", 0, 9).unwrap(), b"x");
}

#[test]
fn an_extraction_that_shall_stop_stops() {
    let mut site = Site::new();
    site.files.stop.store(true, Ordering::Relaxed);
    let result = extract(&mut site, &zip_of(&[("a", "a")]), 0);
    assert!(matches!(result, Err(CallError::Fault(fault)) if fault.code == "interrupted"));
}
