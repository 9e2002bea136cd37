//! Threads that the interpreter ends while they are in our code.
//!
//! When the interpreter ends, CPython up to 3.13 ends a daemon thread by `pthread_exit` at its next request for the GIL, in
//! whoever's code that is. The C library then unwinds the thread's stack, and a Rust frame on it aborts the process. Since
//! 3.14 CPython lets such threads hang for the moment that is left, and so do we with the older ones: the first time that a
//! thread comes by, it gets a cleanup handler, which the C library runs before the first frame is unwound, and which does
//! not return while the interpreter is ending.
//!
//! glibc runs the handlers of the old kind (`_pthread_cleanup_push`) when it unwinds past the frame that holds them, which it
//! tells by the handler's address (`unwind_stop` in nptl/unwind.c). One that lies on the heap, and so on no frame of the
//! thread's stack, counts as passed at once. Other C libraries do not unwind in `pthread_exit`.

/// Makes this thread one that the interpreter may end. Called wherever code of ours goes on into the interpreter.
#[inline]
pub fn survive() {
    #[cfg(all(target_os = "linux", target_env = "gnu", not(Py_3_14)))]
    handler::install();
}

#[cfg(all(target_os = "linux", target_env = "gnu", not(Py_3_14)))]
mod handler {
    use std::cell::Cell;
    use std::ffi::{c_int, c_void};
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    /// `struct _pthread_cleanup_buffer` (pthread.h).
    #[repr(C)]
    struct Buffer {
        routine: Option<unsafe extern "C" fn(*mut c_void)>,
        argument: *mut c_void,
        cancel_type: c_int,
        previous: *mut Buffer,
    }

    type Push = unsafe extern "C" fn(*mut Buffer, unsafe extern "C" fn(*mut c_void), *mut c_void);

    /// The thread that came by last, which needs not be looked up again: a look-up costs 2 ns, a thirtieth of a small call.
    static LAST: AtomicUsize = AtomicUsize::new(0);

    /// A thread's handler, as long as the thread lives.
    struct Handler(Cell<*mut Buffer>);

    impl Drop for Handler {
        fn drop(&mut self) {
            let _ = LAST.compare_exchange(this_thread(), 0, Relaxed, Relaxed);
            if !self.0.get().is_null() {
                // SAFETY: made by `add`. The thread's code has ended, and with it the use of its cleanup handlers.
                drop(unsafe { Box::from_raw(self.0.get()) });
            }
        }
    }

    thread_local! {
        static HANDLER: Handler = const { Handler(Cell::new(std::ptr::null_mut())) };
    }

    #[inline]
    pub fn install() {
        let this = this_thread();
        if LAST.load(Relaxed) != this {
            look_up(this);
        }
    }

    #[cold]
    fn look_up(this: usize) {
        // A thread whose variables are gone runs no more code of anybody's.
        let _ = HANDLER.try_with(|handler| {
            if handler.0.get().is_null() {
                handler.0.set(add());
            }
            LAST.store(this, Relaxed);
        });
    }

    /// Adds a handler to this thread's; null where the C library has no such handlers.
    #[cold]
    fn add() -> *mut Buffer {
        // By name: glibc has given it two versions, and what was linked with the newer would not load with an older one.
        // SAFETY: a C string; what is found has that signature since glibc 2.0.
        let push = unsafe {
            let found = libc::dlsym(libc::RTLD_DEFAULT, c"_pthread_cleanup_push".as_ptr());
            std::mem::transmute::<*mut c_void, Option<Push>>(found)
        };
        let Some(push) = push else { return std::ptr::null_mut() };
        let null = std::ptr::null_mut();
        let buffer = Buffer { routine: None, argument: null, cancel_type: 0, previous: std::ptr::null_mut() };
        let buffer = Box::into_raw(Box::new(buffer));
        // SAFETY: the buffer is there as long as the thread.
        unsafe { push(buffer, hang_at_exit, null) };
        buffer
    }

    /// The handler. A thread that ends for other reasons goes on ending.
    unsafe extern "C" fn hang_at_exit(_: *mut c_void) {
        // SAFETY: both may be called by any thread at any time.
        unsafe {
            while _Py_IsFinalizing() != 0 {
                libc::pause();
            }
        }
    }

    /// Another number for each thread that lives.
    #[inline]
    fn this_thread() -> usize {
        // SAFETY: may be called by any thread.
        unsafe { libc::pthread_self() as usize }
    }

    #[cfg(Py_3_13)]
    use pyo3::ffi::Py_IsFinalizing as _Py_IsFinalizing;

    #[cfg(not(Py_3_13))]
    unsafe extern "C" {
        /// What 3.13 made public.
        fn _Py_IsFinalizing() -> c_int;
    }
}
