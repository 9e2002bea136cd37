//! What the environment asks for: `UFUNX_NUM_THREADS` and `UFUNX_MAX_ISA`, read once.
//!
//! A value that cannot be meant is an error of every call; hosts ask [`check`] when they start. What is asked for no error,
//! such as [`crate::num_threads`], answers as if it were not set.

use crate::error::Error;
use crate::registry::Isa;
use std::sync::OnceLock;

struct Environment {
    threads: Option<usize>,
    max_isa: Option<Isa>,
}

/// Whether the environment's settings can be meant.
#[inline]
pub fn check() -> Result<(), Error> {
    match environment() {
        Ok(_) => Ok(()),
        Err(error) => Err(error.clone()),
    }
}

/// The number of threads set.
pub(crate) fn threads() -> Option<usize> {
    environment().as_ref().ok()?.threads
}

/// The cap on the ISA level set.
pub(crate) fn max_isa() -> Option<Isa> {
    environment().as_ref().ok()?.max_isa
}

fn environment() -> &'static Result<Environment, Error> {
    static READ: OnceLock<Result<Environment, Error>> = OnceLock::new();
    READ.get_or_init(|| read(|variable| Some(std::env::var_os(variable)?.to_string_lossy().into_owned())))
}

/// An empty value is none.
fn read(value_of: impl Fn(&'static str) -> Option<String>) -> Result<Environment, Error> {
    fn parsed<T>(
        value: Option<String>,
        parse: impl Fn(&str) -> Option<T>,
        variable: &'static str,
        expected: &'static str,
    ) -> Result<Option<T>, Error> {
        let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok(None) };
        match parse(&value) {
            Some(parsed) => Ok(Some(parsed)),
            None => Err(Error::Environment { variable, value, expected }),
        }
    }
    let (threads, isa) = ("UFUNX_NUM_THREADS", "UFUNX_MAX_ISA");
    let count = |text: &str| text.parse().ok().filter(|&n| n > 0);
    Ok(Environment {
        threads: parsed(value_of(threads), count, threads, "a whole number from 1 up")?,
        max_isa: parsed(value_of(isa), Isa::from_name, isa, "one of scalar, v3, v4")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variable: &'static str, value: &str) -> Result<Environment, Error> {
        read(|asked| (asked == variable).then(|| value.to_owned()))
    }

    #[test]
    fn what_can_be_meant_is_taken() {
        assert_eq!(of("UFUNX_NUM_THREADS", "7").ok().and_then(|e| e.threads), Some(7));
        assert_eq!(of("UFUNX_MAX_ISA", "v3").ok().and_then(|e| e.max_isa), Some(Isa::V3));
        for variable in ["UFUNX_NUM_THREADS", "UFUNX_MAX_ISA"] {
            assert!(of(variable, "").is_ok_and(|e| e.threads.is_none() && e.max_isa.is_none()));
        }
    }

    #[test]
    fn what_cannot_is_an_error_that_says_so() {
        for value in ["abc", "0", "-1", "1.5", "99999999999999999999999"] {
            let Err(error) = of("UFUNX_NUM_THREADS", value) else { panic!("{value} was taken") };
            let sentence = format!("UFUNX_NUM_THREADS is '{value}', it must be a whole number from 1 up");
            assert_eq!(error.to_string(), sentence);
        }
        let Err(error) = of("UFUNX_MAX_ISA", "foo") else { panic!("foo was taken") };
        assert_eq!(error.to_string(), "UFUNX_MAX_ISA is 'foo', it must be one of scalar, v3, v4");
    }
}
