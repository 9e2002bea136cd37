//! NumPy's dtypes and ours: descriptors, type numbers, scalar types, and the stand-ins for what NumPy lacks.

use super::object::{Object, lent_by_c};
use numpy::npyffi::{PY_ARRAY_API, PyArray_Descr};
use pyo3::PyTypeInfo;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyFloat, PyString};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::atomic::{AtomicPtr, Ordering};
use ufunx::DType;
use ufunx::registry::{Kind, LONG_LONG};

/// Addresses of descriptors and types, which live for ever.
pub struct Dtypes {
    /// Descriptors by our numbering: NumPy's own from the start, ml_dtypes' from when one is first met.
    descrs: [AtomicPtr<PyArray_Descr>; DTYPES],
    /// Descriptors of ours for what NumPy has no dtype for; see [`Dtypes::stand_in`].
    stand_ins: [*mut PyArray_Descr; DTYPES],
    /// The scalar types of what NumPy has.
    pub scalars: [*mut ffi::PyTypeObject; DTYPES],
    /// The scalar types of dtypes that are another's under a name of their own.
    labelled_scalars: [*mut ffi::PyTypeObject; LABELS.len()],
    /// The descriptors' dtypes by NumPy type number; `None` for those that are NumPy's own affair.
    by_number: [Option<DType>; 32],
}

/// Rows of the dtype table.
pub const DTYPES: usize = DType::ALL.len();

// SAFETY: addresses of what is immortal or referenced for ever, used with the GIL held.
unsafe impl Send for Dtypes {}
// SAFETY: as above.
unsafe impl Sync for Dtypes {}

impl Dtypes {
    /// Fetches all of them.
    pub fn load(module: &Bound<'_, PyModule>) -> PyResult<Dtypes> {
        let descrs = [const { AtomicPtr::new(std::ptr::null_mut()) }; DTYPES];
        let mut scalars = [std::ptr::null_mut(); DTYPES];
        let mut by_number = [None; 32];
        for &dtype in DType::ALL {
            let Some(number) = dtype.numpy_number() else { continue };
            if dtype.kind() == Kind::Date {
                // A descriptor of our own, without a unit: no array of anybody's has it, so what has it counts the call's unit.
                // SAFETY: a valid type number; the reference returned is kept for ever.
                let own = unsafe { PY_ARRAY_API.PyArray_DescrNewFromType(module.py(), number) };
                descrs[dtype as usize].store(own, Ordering::Relaxed);
                continue;
            }
            // SAFETY: a valid type number; the reference returned is kept for ever.
            unsafe {
                let descr = PY_ARRAY_API.PyArray_DescrFromType(module.py(), number);
                descrs[dtype as usize].store(descr, Ordering::Relaxed);
                scalars[dtype as usize] = (*descr.cast::<DescrHead>()).typeobj;
            }
            by_number[number as usize] = Some(dtype);
        }
        let labelled_scalars = LABELS.map(|(number, _)| {
            // SAFETY: a valid type number; the descriptor is one that NumPy keeps, as it does its type.
            unsafe {
                let descr = PY_ARRAY_API.PyArray_DescrFromType(module.py(), number).cast::<DescrHead>();
                (*descr).typeobj
            }
        });
        Ok(Dtypes { descrs, stand_ins: stand_ins(module)?, scalars, labelled_scalars, by_number })
    }

    /// The dtype of a native descriptor with that type number.
    #[inline]
    pub fn of_number(&self, number: c_int) -> Option<DType> {
        self.by_number.get(usize::try_from(number).ok()?).copied().flatten()
    }

    /// The dtype of elements with that descriptor; `None` for what NumPy itself must handle, foreign byte order included.
    ///
    /// # Safety
    /// A live descriptor.
    #[inline]
    pub unsafe fn of_descr(&self, descr: *mut PyArray_Descr) -> Option<DType> {
        let descr = descr.cast::<DescrHead>();
        // SAFETY: the caller's promise.
        let (byteorder, number) = unsafe { ((*descr).byteorder as u8, (*descr).type_num) };
        match byteorder {
            b'>' | b'<' if byteorder != NATIVE => None,
            _ if number == VOID_NUMBER => self.stood_for(descr.cast()),
            // Of dates our own alone, which say no unit.
            _ if is_date(number) => self.with_descr(descr.cast()),
            _ if number < FIRST_USER_NUMBER => self.of_number(number),
            // SAFETY: the caller's promise.
            _ => unsafe { self.of_user(descr) },
        }
    }

    /// The dtype whose memory and loops elements with that descriptor share under another name: C's `long long`, dates of any unit.
    ///
    /// # Safety
    /// A live descriptor.
    pub unsafe fn of_label(&self, descr: *mut PyArray_Descr) -> Option<DType> {
        let descr = descr.cast::<DescrHead>();
        // SAFETY: the caller's promise.
        let (byteorder, number) = unsafe { ((*descr).byteorder as u8, (*descr).type_num) };
        if matches!(byteorder, b'>' | b'<') && byteorder != NATIVE {
            return None;
        }
        let found = LABELS.iter().find(|(n, _)| *n == number).map(|(_, dtype)| *dtype);
        found.filter(|&dtype| self.descr(dtype) != descr.cast())
    }

    /// The dtype of a descriptor that NumPy resolved, under whatever name.
    pub fn of_resolved(&self, descr: Object<'_, '_>) -> Option<DType> {
        let descr = descr.as_ptr().cast();
        // SAFETY: what NumPy resolves are descriptors.
        unsafe { self.of_descr(descr).or_else(|| self.of_label(descr)) }
    }

    /// The unit of a descriptor of dates.
    pub fn unit(&self, descr: Object<'_, '_>) -> DateUnit {
        let dates = [DType::DateTime, DType::TimeDelta].map(|dtype| self.descr(dtype));
        // SAFETY: an object of the type that descriptors of dates have is one.
        unsafe {
            let alike = dates.iter().any(|&own| ffi::Py_TYPE(own.cast()) == descr.get_type_ptr());
            if alike { unit_of(descr.as_ptr().cast()) } else { DateUnit::NONE }
        }
    }

    /// The dtype of elements with that descriptor in this machine's byte order, if theirs is the other one.
    ///
    /// # Safety
    /// A live descriptor.
    pub unsafe fn of_swapped(&self, descr: *mut PyArray_Descr) -> Option<DType> {
        let descr = descr.cast::<DescrHead>();
        // SAFETY: the caller's promise.
        let (byteorder, number) = unsafe { ((*descr).byteorder as u8, (*descr).type_num) };
        (matches!(byteorder, b'>' | b'<') && byteorder != NATIVE).then(|| self.of_number(number)).flatten()
    }

    /// The dtype of a descriptor that another library registered: bfloat16 and float8 of ml_dtypes.
    ///
    /// # Safety
    /// A live descriptor.
    unsafe fn of_user(&self, descr: *mut DescrHead) -> Option<DType> {
        let known = |d: DType| self.descrs[d as usize].load(Ordering::Relaxed) == descr.cast();
        let minis = || DType::ALL.iter().copied().filter(|d| d.numpy_number().is_none());
        if let Some(dtype) = minis().find(|&d| known(d)) {
            return Some(dtype);
        }
        // SAFETY: a live descriptor has a live type, whose name is a C string.
        let name = unsafe { CStr::from_ptr((*(*descr).typeobj).tp_name) }.to_str().ok()?;
        let name = name.rsplit_once('.').map_or(name, |(_, last)| last);
        let dtype = minis().find(|d| d.name() == name)?;
        let cell = &self.descrs[dtype as usize];
        if cell.load(Ordering::Relaxed).is_null() {
            // SAFETY: a live descriptor; the reference is kept for ever.
            unsafe { ffi::Py_INCREF(descr.cast()) };
            cell.store(descr.cast(), Ordering::Relaxed);
        }
        known(dtype).then_some(dtype)
    }

    /// The descriptor of a dtype: NumPy's, ml_dtypes' once it was met, else a stand-in.
    #[inline]
    pub fn descr(&self, dtype: DType) -> *mut PyArray_Descr {
        let known = self.descrs[dtype as usize].load(Ordering::Relaxed);
        if known.is_null() { self.stand_ins[dtype as usize] } else { known }
    }

    /// The descriptor of a dtype as an object.
    pub fn descr_object<'py>(&self, py: Python<'py>, dtype: DType) -> Object<'py, 'py> {
        // SAFETY: descriptors that are kept here live for ever.
        unsafe { lent_by_c(py, self.descr(dtype).cast()) }
    }

    /// The scalar type of a dtype that NumPy has.
    pub fn scalar_type<'py>(&self, py: Python<'py>, dtype: DType) -> Object<'py, 'py> {
        // SAFETY: NumPy's own types live for ever.
        unsafe { lent_by_c(py, self.scalars[dtype as usize].cast()) }
    }

    /// The descriptor by which an array holds elements of bfloat16 or float8 that NumPy takes for opaque bytes, so that
    /// these need no other library. Such arrays are the insides of `ufunx.Array` and the views of foreign ones, and never
    /// get out. Null for what NumPy has.
    pub fn stand_in(&self, dtype: DType) -> *mut PyArray_Descr {
        self.stand_ins[dtype as usize]
    }

    /// The stand-in of what NumPy lacks, as an object.
    pub fn stand_in_object<'py>(&self, py: Python<'py>, dtype: DType) -> Option<Object<'py, 'py>> {
        // SAFETY: stand-ins live for ever.
        unsafe { Borrowed::from_ptr_or_opt(py, self.stand_in(dtype).cast()) }
    }

    /// The descriptor of an array over foreign memory: NumPy's or a stand-in.
    #[inline]
    pub fn view_descr(&self, dtype: DType) -> *mut PyArray_Descr {
        let stand_in = self.stand_in(dtype);
        if stand_in.is_null() { self.descr(dtype) } else { stand_in }
    }

    /// The dtype a descriptor stands in for.
    pub fn stood_for(&self, descr: *mut PyArray_Descr) -> Option<DType> {
        self.stand_ins.iter().position(|&d| d == descr).map(|i| DType::ALL[i])
    }

    /// The dtype with that very descriptor.
    fn with_descr(&self, descr: *mut PyArray_Descr) -> Option<DType> {
        let found = self.descrs.iter().position(|d| d.load(Ordering::Relaxed) == descr && !descr.is_null());
        found.map(|i| DType::ALL[i])
    }

    /// The dtype that an object says, whatever NumPy takes for one: its descriptor need not be NumPy's own, as one that was
    /// pickled is not. The object may have code of its own.
    pub fn said_by(&self, object: Object<'_, '_>) -> Option<DType> {
        let mut descr: *mut PyArray_Descr = std::ptr::null_mut();
        // SAFETY: a live object; the descriptor that the converter gives lives until its reference is released.
        unsafe {
            let converted = PY_ARRAY_API.PyArray_DescrConverter(object.py(), object.as_ptr(), &mut descr);
            if converted != 1 || descr.is_null() {
                ffi::PyErr_Clear();
                return None;
            }
            let found = self.of_descr(descr);
            ffi::Py_DECREF(descr.cast());
            found
        }
    }

    /// The same where no code but NumPy's says it: a dtype, a type of numbers, a name.
    pub fn said_plainly(&self, object: Object<'_, '_>) -> Option<DType> {
        let numbers = PyFloat::type_object(object.py());
        if object.is(&numbers) {
            return Some(DType::F64);
        }
        if object.is_exact_instance_of::<PyString>() {
            return self.said_by(object);
        }
        self.with_descr(object.as_ptr().cast()).or_else(|| self.of_scalar(object.as_ptr().cast()))
    }

    /// The dtype of a NumPy scalar of exactly that type.
    #[inline]
    pub fn of_scalar(&self, class: *mut ffi::PyTypeObject) -> Option<DType> {
        self.scalars.iter().position(|&t| t == class).map(|i| DType::ALL[i])
    }

    /// Whether it is a scalar of exactly a type of NumPy's that our loops have, under whatever name.
    pub fn is_native_scalar(&self, object: Object<'_, '_>) -> bool {
        self.of_scalar(object.get_type_ptr()).is_some() || self.is_labelled_scalar(object)
    }

    /// Whether it is a scalar, of exactly NumPy's type, of a dtype that is another's under a name of its own.
    pub fn is_labelled_scalar(&self, object: Object<'_, '_>) -> bool {
        self.labelled_scalars.contains(&object.get_type_ptr())
    }

    /// What is in a scalar of dates, of exactly NumPy's type.
    pub fn date_value(&self, object: Object<'_, '_>) -> Option<Date> {
        let place = self.labelled_scalars.iter().position(|&class| class == object.get_type_ptr())?;
        let number = LABELS[place].0;
        is_date(number).then(|| {
            // SAFETY: a scalar of dates, as its type says; NumPy's header has what is in one.
            let scalar = unsafe { &*object.as_ptr().cast::<DateScalar>() };
            Date { number, value: scalar.value, unit: scalar.unit }
        })
    }

    /// The dtype and the bits of a NumPy scalar, of exactly NumPy's type.
    #[inline]
    pub fn scalar_value(&self, object: Object<'_, '_>) -> Option<(DType, [u128; 1])> {
        let dtype = self.of_scalar(object.get_type_ptr())?;
        let mut cell = [0u128];
        // SAFETY: a NumPy scalar, as its type says; a cell has room for an element of any dtype.
        unsafe {
            PY_ARRAY_API.PyArray_ScalarAsCtype(object.py(), object.as_ptr(), cell.as_mut_ptr().cast());
        }
        Some((dtype, cell))
    }

    /// The dtype of a scalar of ml_dtypes, once an array of it was met.
    pub fn of_mini_scalar(&self, class: *mut ffi::PyTypeObject) -> Option<DType> {
        DType::ALL.iter().copied().filter(|d| d.numpy_number().is_none()).find(|&dtype| {
            let known = self.descrs[dtype as usize].load(Ordering::Relaxed).cast::<DescrHead>();
            // SAFETY: a descriptor that lives for ever, where there is one.
            !known.is_null() && unsafe { (*known).typeobj } == class
        })
    }
}

/// A descriptor for each dtype that NumPy lacks: opaque bytes, told from others by its address, aligned as the dtype is.
fn stand_ins(module: &Bound<'_, PyModule>) -> PyResult<[*mut PyArray_Descr; DTYPES]> {
    let mut made = [std::ptr::null_mut(); DTYPES];
    for &dtype in DType::ALL.iter().filter(|d| d.numpy_number().is_none()) {
        let metadata = [("ufunx", dtype.name())].into_py_dict(module.py())?;
        let keywords = [("metadata", metadata)].into_py_dict(module.py())?;
        let descr = module.getattr("dtype")?.call((format!("V{}", dtype.size()),), Some(&keywords))?;
        let head = descr.into_ptr().cast::<DescrHead>();
        // SAFETY: a descriptor nobody else has yet; the reference is kept for ever.
        unsafe { (*head).alignment = dtype.align() as isize };
        made[dtype as usize] = head.cast();
    }
    Ok(made)
}

/// NumPy's type number.
///
/// # Safety
/// A live descriptor.
pub unsafe fn type_number(descr: *mut PyArray_Descr) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { (*descr.cast::<DescrHead>()).type_num }
}

#[cfg(target_endian = "little")]
const NATIVE: u8 = b'<';
#[cfg(target_endian = "big")]
const NATIVE: u8 = b'>';

/// What dates count, as NumPy has it: so many of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct DateUnit {
    unit: c_int,
    many: c_int,
}

impl DateUnit {
    /// That of what is no date.
    pub const NONE: DateUnit = DateUnit { unit: -1, many: 0 };
}

/// What is in a scalar of dates: the number of its dtype, and so many of a unit.
#[derive(Clone, Copy)]
pub struct Date {
    pub number: c_int,
    pub value: i64,
    pub unit: DateUnit,
}

/// A scalar of dates in memory.
#[repr(C)]
struct DateScalar {
    head: ffi::PyObject,
    value: i64,
    unit: DateUnit,
}

/// The unit of a date's descriptor.
///
/// # Safety
/// A live descriptor of dates.
unsafe fn unit_of(descr: *mut PyArray_Descr) -> DateUnit {
    // SAFETY: the caller's promise; such a descriptor goes on as NumPy's `_PyArray_LegacyDescr`, and points to its unit.
    unsafe {
        match (*descr.cast::<DateDescr>()).metadata {
            metadata if metadata.is_null() => DateUnit::NONE,
            metadata => (*metadata).unit,
        }
    }
}

const fn is_date(number: c_int) -> bool {
    number == number_of(DType::DateTime) || number == number_of(DType::TimeDelta)
}

/// Type numbers of dtypes that are another's under a name of their own.
const LABELS: [(c_int, DType); 4] = [
    (LONG_LONG[0].1, LONG_LONG[0].2),
    (LONG_LONG[1].1, LONG_LONG[1].2),
    (number_of(DType::DateTime), DType::DateTime),
    (number_of(DType::TimeDelta), DType::TimeDelta),
];

const fn number_of(dtype: DType) -> c_int {
    match dtype.numpy_number() {
        Some(number) => number,
        None => unreachable!(),
    }
}

/// `NPY_VOID`: opaque bytes.
const VOID_NUMBER: c_int = 20;

/// Type numbers from here on are given to other libraries' dtypes.
const FIRST_USER_NUMBER: c_int = 256;

/// The head of `PyArray_Descr`, as NumPy 2 has it.
#[repr(C)]
struct DescrHead {
    base: ffi::PyObject,
    /// The scalar type.
    typeobj: *mut ffi::PyTypeObject,
    kind: c_char,
    char: c_char,
    byteorder: c_char,
    former_flags: c_char,
    type_num: c_int,
    flags: u64,
    size: isize,
    alignment: isize,
}

/// A date's descriptor, as far as we look: the rest of the head, and the fields of a legacy one (NumPy's ndarraytypes.h).
#[repr(C)]
struct DateDescr {
    head: DescrHead,
    user_metadata: *mut ffi::PyObject,
    hash: isize,
    reserved: [*mut c_void; 2],
    subarray: *mut c_void,
    fields: *mut ffi::PyObject,
    names: *mut ffi::PyObject,
    metadata: *const DateMetadata,
}

/// `PyArray_DatetimeDTypeMetaData`: what any such data has (`NpyAuxData`), then the unit.
#[repr(C)]
struct DateMetadata {
    free: *const c_void,
    clone: *const c_void,
    reserved: [*mut c_void; 2],
    unit: DateUnit,
}
