//! What is wrong with a pair, told apart.

use super::*;

struct Made {
    dir: tempfile::TempDir,
    files: TlsFiles,
}

fn made() -> Made {
    let dir = tempfile::tempdir().unwrap();
    let files =
        TlsFiles { cert_file: dir.path().join("cert.pem"), key_file: dir.path().join("key.pem") };
    let pair = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(&files.cert_file, pair.cert.pem()).unwrap();
    std::fs::write(&files.key_file, pair.signing_key.serialize_pem()).unwrap();
    Made { dir, files }
}

fn check(files: &TlsFiles, dir: &Path, expected: &str) {
    let error = TlsStore::load(files).unwrap_err();
    let text = error.to_string().replace(&dir.display().to_string(), "DIR");
    assert_eq!(text, expected);
    assert!(!error.hint().is_empty());
}

#[test]
fn every_broken_pair_says_which_file_and_why() {
    let Made { dir, files } = made();
    let dir = dir.path();
    let other = made();
    let mixed = TlsFiles { key_file: other.files.key_file, ..files.clone() };
    let error = TlsStore::load(&mixed).unwrap_err();
    assert!(matches!(error, TlsError::Unusable { .. }), "{error:?}");

    let swapped = TlsFiles { cert_file: files.key_file.clone(), key_file: files.cert_file.clone() };
    check(&swapped, dir, "find a certificate in DIR/key.pem");
    let both_certs = TlsFiles { key_file: files.cert_file.clone(), ..files.clone() };
    check(&both_certs, dir, "find a private key in DIR/cert.pem");
    let missing = TlsFiles { key_file: dir.join("none.pem"), ..files.clone() };
    check(&missing, dir, "read DIR/none.pem");
    std::fs::write(&files.cert_file, "-----BEGIN CERTIFICATE-----\nAAAA\n").unwrap();
    check(&files, dir, "parse DIR/cert.pem as PEM");
}

#[test]
fn the_end_of_validity_is_read() {
    let made = made();
    // What rcgen writes when nothing is asked for: the year 4096.
    let store = TlsStore::load(&made.files).unwrap();
    assert!(store.expires().is_some());
    assert!(!store.expired());

    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2019, 1, 1);
    params.not_after = rcgen::date_time_ymd(2020, 2, 29);
    let key = rcgen::KeyPair::generate().unwrap();
    let cert = params.self_signed(&key).unwrap();
    let leap_day = std::time::Duration::from_hours(439_704);
    let expected = SystemTime::UNIX_EPOCH + leap_day;
    assert_eq!(expiry::not_after(cert.der()), Some(expected));

    std::fs::write(&made.files.cert_file, cert.pem()).unwrap();
    std::fs::write(&made.files.key_file, key.serialize_pem()).unwrap();
    store.reload(&made.files).unwrap();
    assert!(store.expired());

    // No prefix of a certificate is one, and none panics.
    for end in 0..cert.der().len() / 2 {
        let _seen = expiry::not_after(&cert.der()[..end]);
    }
}
