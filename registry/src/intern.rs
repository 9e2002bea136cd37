//! Names of ufuncs made at run time. Records and errors hold names as `&'static str`; a name is kept for ever, once, so
//! that what stays behind is bounded by the names there are, not by the ufuncs made.

use crate::dtype::DType;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
static LISTS: Mutex<BTreeSet<&'static [&'static str]>> = Mutex::new(BTreeSet::new());

static DTYPES: Mutex<BTreeSet<&'static [DType]>> = Mutex::new(BTreeSet::new());

/// The one copy of a list of dtypes.
pub fn dtypes(list: &[DType]) -> &'static [DType] {
    let mut lists = DTYPES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = lists.get(list) {
        return known;
    }
    let kept: &'static [DType] = Box::leak(Box::from(list));
    lists.insert(kept);
    kept
}

/// The one copy of a name.
pub fn name(name: &str) -> &'static str {
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(name) {
        return known;
    }
    let kept: &'static str = Box::leak(Box::from(name));
    names.insert(kept);
    kept
}

/// The one copy of a list of names.
pub fn names(list: &[&str]) -> &'static [&'static str] {
    let list: Vec<&'static str> = list.iter().map(|text| name(text)).collect();
    let mut lists = LISTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = lists.get(&list[..]) {
        return known;
    }
    let kept: &'static [&'static str] = Box::leak(list.into_boxed_slice());
    lists.insert(kept);
    kept
}
