//! Helpers of several modules.

use ufunx::Ufunc;

pub use ufunx_tests::{run_loop, signature};

/// The ufunc of that name.
pub fn ufunc(name: &str) -> Ufunc<'static> {
    ufunx::ufunc(name).unwrap()
}

/// The seed of random tests.
pub fn seed() -> u64 {
    std::env::var("UFUNX_TEST_SEED").map_or(20260, |s| s.parse().unwrap())
}

/// Collects complaints, and fails with the first few of them and their number.
#[derive(Default)]
pub struct Complaints {
    first: Vec<String>,
    count: usize,
}

impl Complaints {
    /// One more.
    pub fn add(&mut self, complaint: String) {
        self.count += 1;
        // Of many that end alike, say by one panic, a few will do.
        let end = |text: &str| text.rsplit(": ").next().unwrap_or_default().to_owned();
        let alike = self.first.iter().filter(|other| end(other) == end(&complaint)).count();
        if self.first.len() < 30 && alike < 5 {
            self.first.push(complaint);
        }
    }

    /// One more if the verdict is bad.
    pub fn check(&mut self, verdict: Result<(), String>, context: impl FnOnce() -> String) {
        if let Err(why) = verdict {
            self.add(format!("{}: {why}", context()));
        }
    }

    /// Fails if there were any, or if nothing was checked.
    pub fn finish(self, checked: usize) {
        assert!(checked > 0, "nothing was checked");
        assert!(self.count == 0, "{} of {checked} are wrong, first:\n{}", self.count, self.first.join("\n"));
    }
}

/// The command that runs this program on a processor it was not built for; empty if there is none.
pub fn emulator() -> String {
    std::env::var("UFUNX_TEST_EMULATOR").unwrap_or_default()
}

/// Runs an ignored test of this program in a process of its own, with variables set; what it printed.
pub fn in_a_process(test: &str, variables: &[(&str, &str)]) -> String {
    let program = std::env::current_exe().unwrap();
    // Under an emulator a program is started by it.
    let emulator = emulator();
    let mut words = emulator.split_whitespace().map(Into::into).chain([program.into_os_string()]);
    let output = std::process::Command::new(words.next().unwrap())
        .args(words)
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{test}: {text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "there is no test {test}");
    text
}

/// Runs `f`; a panic is a complaint like any other.
pub fn guarded(f: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        Err(format!("panicked: {}", text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("?")))
    })
}
