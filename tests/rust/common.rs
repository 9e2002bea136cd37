//! Helpers of several modules.

use ufunx::registry::{DType, LoopDef, UfuncDef};
use ufunx::{CallOptions, Error, Input, Report, Signature, Ufunc, View, ViewMut};

/// The ufunc of that name.
pub fn ufunc(name: &str) -> Ufunc {
    ufunx::ufunc(name).unwrap()
}

/// The seed of random tests.
pub fn seed() -> u64 {
    std::env::var("UFUNX_TEST_SEED").map_or(20260, |s| s.parse().unwrap())
}

/// The wish for exactly this loop.
pub fn signature(l: &LoopDef) -> Signature {
    let wish = |dtypes: &[DType]| dtypes.iter().copied().map(Some).collect();
    Signature { inputs: wish(l.inputs), outputs: wish(l.outputs) }
}

/// Runs exactly this loop.
pub fn run_loop(
    def: &'static UfuncDef,
    l: &LoopDef,
    inputs: &[View<'_>],
    outputs: &mut [ViewMut<'_>],
) -> Result<Report, Error> {
    let options = CallOptions { signature: Some(signature(l)), ..CallOptions::default() };
    let inputs: Vec<Input<'_>> = inputs.iter().cloned().map(Input::View).collect();
    Ufunc::from_def(def).call_into(&inputs, outputs, &options)
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
        if self.first.len() < 30 {
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
