//! The cases that fuzzing found worth keeping, each target's own: what covers most, and whatever once failed.

use ufunx_tests::fuzz::TARGETS;

#[test]
fn what_fuzzing_found_holds() {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, run) in TARGETS {
        let files = std::fs::read_dir(corpus.join(name)).unwrap();
        let cases: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        assert!(!cases.is_empty(), "{name} has no cases");
        for case in cases {
            let data = std::fs::read(&case).unwrap();
            if std::panic::catch_unwind(|| run(&data)).is_err() {
                panic!("{} fails, as said above", case.display());
            }
        }
    }
}
