//! Our heap types, made by hand: objects with vectorcall, a `__dict__` and weak references, never made from Python.

use pyo3::ffi;
use pyo3::prelude::*;
use std::ffi::{CStr, c_int, c_void};

/// What one of the types is.
pub struct HeapType {
    pub name: &'static CStr,
    pub size: usize,
    /// Where its vectorcall, `__dict__` and list of weak references stand in the object.
    pub offsets: [usize; 3],
    /// Further flags.
    pub flags: std::ffi::c_ulong,
    pub properties: Vec<ffi::PyGetSetDef>,
    /// The slots that are its own.
    pub slots: Vec<(c_int, *mut c_void)>,
}

/// An attribute that is computed.
pub fn property(name: &'static CStr, get: ffi::getter) -> ffi::PyGetSetDef {
    ffi::PyGetSetDef {
        name: name.as_ptr(),
        get: Some(get),
        set: None,
        doc: std::ptr::null(),
        closure: std::ptr::null_mut(),
    }
}

impl HeapType {
    /// Makes the type. Its tables are leaked, as types keep pointers into them.
    ///
    /// # Safety
    /// `size` and `offsets` are those of the object's memory, and each slot is a function or table of the slot's kind
    /// that lives for ever.
    pub unsafe fn make(mut self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let names = [c"__vectorcalloffset__", c"__dictoffset__", c"__weaklistoffset__"];
        let mut members: Vec<_> = names.iter().zip(self.offsets).map(|(name, at)| member(name, at)).collect();
        members.push(ffi::PyMemberDef::default());
        self.properties.push(ffi::PyGetSetDef::default());
        self.slots.extend([
            (ffi::Py_tp_call, ffi::PyVectorcall_Call as *mut c_void),
            (ffi::Py_tp_members, members.leak().as_mut_ptr().cast()),
            (ffi::Py_tp_getset, self.properties.leak().as_mut_ptr().cast()),
            (0, std::ptr::null_mut()),
        ]);
        let slots: Vec<_> =
            self.slots.into_iter().map(|(slot, pfunc)| ffi::PyType_Slot { slot, pfunc }).collect();
        let flags = ffi::Py_TPFLAGS_DEFAULT
            | ffi::Py_TPFLAGS_HAVE_VECTORCALL
            | ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION
            | ffi::Py_TPFLAGS_IMMUTABLETYPE
            | self.flags;
        let mut spec = ffi::PyType_Spec {
            name: self.name.as_ptr(),
            basicsize: self.size as c_int,
            itemsize: 0,
            flags: flags as u32,
            slots: slots.leak().as_mut_ptr(),
        };
        // SAFETY: as the caller says; the tables it points at were leaked.
        unsafe { Ok(Bound::from_owned_ptr_or_err(py, ffi::PyType_FromSpec(&mut spec))?.unbind()) }
    }
}

fn member(name: &'static CStr, offset: usize) -> ffi::PyMemberDef {
    ffi::PyMemberDef {
        name: name.as_ptr(),
        type_code: ffi::Py_T_PYSSIZET,
        offset: offset as isize,
        flags: ffi::Py_READONLY,
        doc: std::ptr::null(),
    }
}
