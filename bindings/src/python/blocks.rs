//! The memory of new arrays: blocks that start at a cache line, the freed ones kept for the next.
//!
//! A fresh large block costs more than what is computed into it: the system hands out its pages one by one, zeroed. So freed
//! blocks stay, in classes of sizes an eighth apart, the most recently freed on top: at most [`most_kept`] bytes of them, and
//! none that was not wanted for [`DISUSE`] requests. All go back when memory runs out, before a fork, and by [`release`].
//!
//! NumPy's arrays own such blocks as they own any: [`handler`] is what frees and resizes them.

use pyo3::ffi;
use pyo3::prelude::*;
use std::cell::UnsafeCell;
use std::ffi::{c_char, c_void};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Where blocks start, and how long what precedes them is.
const LINE: usize = 64;

/// Blocks from this size on are kept by their bytes, smaller ones by their number.
const LARGE: usize = 64 << 10;

/// From this size on the system is asked for large pages, as NumPy does.
const HUGE: usize = 4 << 20;

/// Of memory; longer ones do no harm.
const PAGE: usize = 4096;

/// Most blocks of either kind that are kept.
const PLACES: usize = 64;

/// A block that so many requests did not want goes back.
const DISUSE: u64 = 64;

/// What [`most_kept`] is before it is asked for or set.
const UNKNOWN: usize = usize::MAX;
static MOST_KEPT: AtomicUsize = AtomicUsize::new(UNKNOWN);

/// Most bytes of large blocks that are kept: as was set, else 256 MiB, or a sixteenth of the memory there is.
#[inline]
pub fn most_kept() -> usize {
    match MOST_KEPT.load(Ordering::Relaxed) {
        UNKNOWN => by_the_memory_there_is(),
        most => most,
    }
}

#[cold]
fn by_the_memory_there_is() -> usize {
    let most = memory_there_is().map_or(256 << 20, |bytes| (bytes / 16).min(256 << 20));
    match MOST_KEPT.compare_exchange(UNKNOWN, most, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => most,
        Err(set) => set,
    }
}

/// Sets [`most_kept`]. If more is kept, all of it goes back.
pub fn keep_at_most(bytes: usize) {
    MOST_KEPT.store(bytes.min(UNKNOWN - 1), Ordering::Relaxed);
    if kept() > bytes {
        release();
    }
}

/// Bytes that are kept.
pub fn kept() -> usize {
    locked(|store| store.large.bytes + store.small.bytes)
}

/// Gives everything kept back; how many bytes that were.
pub fn release() -> usize {
    let bytes = locked(|store| store.large.release() + store.small.release());
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: may be called at any time.
    unsafe {
        libc::malloc_trim(0);
    }
    bytes
}

/// A block for so many bytes, uninitialised; null if there is none.
#[inline]
pub fn allocate(bytes: usize) -> *mut u8 {
    let Some(class) = class_of(bytes) else { return null_mut() };
    if let Some(block) = locked(|store| store.shelf(class).take(class)) {
        return block;
    }
    let block = from_system(class);
    if block.is_null() && release() > 0 { from_system(class) } else { block }
}

/// Keeps a block for the next, or gives it back.
///
/// # Safety
/// It is [`allocate`]'s, and nobody's any more.
#[inline]
pub unsafe fn free(block: *mut u8) {
    // SAFETY: the caller's promise.
    let class = unsafe { class_in(block) };
    // (Looked up before the lock is held: it may ask the system.)
    let most = most_kept();
    locked(|store| {
        let others = store.other_shelf(class).bytes;
        store.shelf(class).keep(block, class, most.saturating_sub(others));
    });
}

/// Has every fork from now on begin with nothing kept: a child would hold pages that it never asked for.
#[cfg(unix)]
pub fn guard_forks() {
    extern "C" fn before() {
        lock();
        // SAFETY: the lock is held.
        let store = unsafe { &mut *STORE.0.get() };
        store.large.release();
        store.small.release();
    }
    extern "C" fn after() {
        unlock();
    }
    static ONCE: std::sync::Once = std::sync::Once::new();
    // SAFETY: the handlers touch the lock and what it guards; the C library frees memory before it forks, not after.
    ONCE.call_once(|| unsafe {
        libc::pthread_atfork(Some(before), Some(after), Some(after));
    });
}

/// What NumPy calls for arrays that own blocks, as NEP 49 has it.
#[repr(C)]
struct Handler {
    name: [c_char; 127],
    version: u8,
    context: *mut c_void,
    malloc: unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void,
    calloc: unsafe extern "C" fn(*mut c_void, usize, usize) -> *mut c_void,
    realloc: unsafe extern "C" fn(*mut c_void, *mut c_void, usize) -> *mut c_void,
    free: unsafe extern "C" fn(*mut c_void, *mut c_void, usize),
}

// SAFETY: never written, and the context is null.
unsafe impl Sync for Handler {}

static HANDLER: Handler = Handler {
    name: {
        let (mut name, words) = ([0; 127], b"ufunx");
        let mut i = 0;
        while i < words.len() {
            name[i] = words[i] as c_char;
            i += 1;
        }
        name
    },
    version: 1,
    context: null_mut(),
    malloc,
    calloc,
    realloc,
    free: free_block,
};

/// The handler in a capsule, as arrays keep it.
pub fn handler(py: Python<'_>) -> PyResult<Py<PyAny>> {
    let handler = (&raw const HANDLER).cast_mut().cast();
    // SAFETY: a static, never written; a new reference, or null with an error.
    unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyCapsule_New(handler, c"mem_handler".as_ptr(), None)) }
        .map(Bound::unbind)
}

unsafe extern "C" fn malloc(_: *mut c_void, bytes: usize) -> *mut c_void {
    allocate(bytes).cast()
}

unsafe extern "C" fn calloc(_: *mut c_void, n: usize, size: usize) -> *mut c_void {
    let Some(bytes) = n.checked_mul(size) else { return null_mut() };
    let block = allocate(bytes);
    if !block.is_null() {
        // SAFETY: a new block of so many bytes.
        unsafe { block.write_bytes(0, bytes) };
    }
    block.cast()
}

unsafe extern "C" fn realloc(_: *mut c_void, block: *mut c_void, bytes: usize) -> *mut c_void {
    if block.is_null() {
        return allocate(bytes).cast();
    }
    // SAFETY: NumPy hands back what it had from here.
    unsafe {
        let class = class_in(block.cast());
        if (class / 2..=class).contains(&bytes) {
            return block;
        }
        let new = allocate(bytes);
        if !new.is_null() {
            std::ptr::copy_nonoverlapping(block.cast::<u8>(), new, bytes.min(class));
            free(block.cast());
        }
        new.cast()
    }
}

unsafe extern "C" fn free_block(_: *mut c_void, block: *mut c_void, _: usize) {
    if !block.is_null() {
        // SAFETY: NumPy frees what it had from here, once.
        unsafe { free(block.cast()) }
    }
}

/// The size of the blocks made for so many bytes: at most an eighth more, and whole lines.
#[inline]
fn class_of(bytes: usize) -> Option<usize> {
    let step = (bytes.checked_next_power_of_two()? / 16).max(LINE);
    bytes.max(1).checked_next_multiple_of(step).filter(|&class| class < isize::MAX as usize - PAGE)
}

/// The size of a block, which is noted before it.
///
/// # Safety
/// It is [`allocate`]'s.
#[inline]
unsafe fn class_in(block: *mut u8) -> usize {
    // SAFETY: at least a line precedes every block.
    unsafe { block.sub(LINE).cast::<usize>().read() }
}

/// What precedes a block of so many bytes. Large ones start at a page: two operands that start a little apart within theirs
/// would have the CPU take what is read for what was just written.
#[inline]
fn head_of(class: usize) -> usize {
    if class >= LARGE { PAGE } else { LINE }
}

#[cold]
fn from_system(class: usize) -> *mut u8 {
    let head = head_of(class);
    let whole = system::allocate(class + head, head);
    if whole.is_null() {
        return whole;
    }
    // SAFETY: the head and a block; the size is noted in the last line of the head.
    unsafe {
        let block = whole.add(head);
        block.sub(LINE).cast::<usize>().write(class);
        block
    }
}

/// # Safety
/// As [`free`].
#[cold]
unsafe fn to_system(block: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe {
        let class = class_in(block);
        let head = head_of(class);
        system::free(block.sub(head), class + head, head)
    }
}

#[cfg(unix)]
mod system {
    use super::HUGE;

    /// From this size on memory is mapped, and so goes back at once when it is freed.
    const MAPPED: usize = 256 << 10;

    pub fn allocate(bytes: usize, align: usize) -> *mut u8 {
        if bytes < MAPPED {
            let mut block = std::ptr::null_mut();
            // SAFETY: a power of two; the address is written where there is one.
            let failed = unsafe { libc::posix_memalign(&raw mut block, align, bytes) };
            return if failed == 0 { block.cast() } else { std::ptr::null_mut() };
        }
        // SAFETY: new memory, of no file.
        let block = unsafe {
            let (access, how) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            libc::mmap(std::ptr::null_mut(), bytes, access, how, -1, 0)
        };
        if block == libc::MAP_FAILED {
            return std::ptr::null_mut();
        }
        if bytes >= HUGE {
            large_pages(block.cast(), bytes);
        }
        block.cast()
    }

    /// # Safety
    /// Allocated so, and nobody's any more.
    pub unsafe fn free(block: *mut u8, bytes: usize, _: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            match bytes < MAPPED {
                true => libc::free(block.cast()),
                false => _ = libc::munmap(block.cast(), bytes),
            }
        }
    }

    /// Asks for large pages, unless NumPy's setting forbids that.
    #[cfg(target_os = "linux")]
    fn large_pages(block: *mut u8, bytes: usize) {
        static ASK: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
        if *ASK.get_or_init(|| std::env::var("NUMPY_MADVISE_HUGEPAGE").map_or(true, |value| value != "0")) {
            // SAFETY: advice about pages of this block; whether it is taken does not matter.
            unsafe { libc::madvise(block.cast(), bytes, libc::MADV_HUGEPAGE) };
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn large_pages(_: *mut u8, _: usize) {}
}

#[cfg(not(unix))]
mod system {
    use std::alloc::{Layout, alloc, dealloc};

    pub fn allocate(bytes: usize, align: usize) -> *mut u8 {
        // SAFETY: the layout is not empty.
        Layout::from_size_align(bytes, align).map_or(std::ptr::null_mut(), |layout| unsafe { alloc(layout) })
    }

    /// # Safety
    /// Allocated so, and nobody's any more.
    pub unsafe fn free(block: *mut u8, bytes: usize, align: usize) {
        // SAFETY: the caller's promise: allocated with this layout.
        unsafe { dealloc(block, Layout::from_size_align_unchecked(bytes, align)) }
    }
}

/// A block that is kept.
#[derive(Clone, Copy)]
struct Kept {
    block: *mut u8,
    class: usize,
    since: u64,
}

/// Blocks that are kept, the longest kept first.
struct Shelf {
    blocks: [Kept; PLACES],
    count: usize,
    bytes: usize,
    requests: u64,
}

impl Shelf {
    const EMPTY: Shelf = Shelf {
        blocks: [Kept { block: null_mut(), class: 0, since: 0 }; PLACES],
        count: 0,
        bytes: 0,
        requests: 0,
    };

    fn take(&mut self, class: usize) -> Option<*mut u8> {
        self.requests += 1;
        while self.count > 0 && self.blocks[0].since + DISUSE < self.requests {
            self.give_back();
        }
        // A little more room than asked for is better than none.
        let fits = |kept: &Kept| kept.class >= class && kept.class - class <= class / 4;
        let at = self.blocks[..self.count].iter().rposition(fits)?;
        let block = self.blocks[at].block;
        self.remove(at);
        Some(block)
    }

    /// Keeps a block, if the shelf may hold so many bytes.
    fn keep(&mut self, block: *mut u8, class: usize, most: usize) {
        if class > most {
            // SAFETY: nobody's any more.
            return unsafe { to_system(block) };
        }
        while self.count > 0 && (self.count == PLACES || self.bytes + class > most) {
            self.give_back();
        }
        self.blocks[self.count] = Kept { block, class, since: self.requests };
        self.count += 1;
        self.bytes += class;
    }

    /// The one kept longest.
    fn give_back(&mut self) {
        // SAFETY: nobody's, and no longer kept.
        unsafe { to_system(self.blocks[0].block) };
        self.remove(0);
    }

    fn remove(&mut self, at: usize) {
        self.bytes -= self.blocks[at].class;
        self.blocks.copy_within(at + 1..self.count, at);
        self.count -= 1;
    }

    fn release(&mut self) -> usize {
        let bytes = self.bytes;
        while self.count > 0 {
            self.give_back();
        }
        bytes
    }
}

struct Store {
    large: Shelf,
    small: Shelf,
}

impl Store {
    fn shelf(&mut self, class: usize) -> &mut Shelf {
        if class >= LARGE { &mut self.large } else { &mut self.small }
    }

    fn other_shelf(&self, class: usize) -> &Shelf {
        if class >= LARGE { &self.small } else { &self.large }
    }
}

/// The store, guarded by `LOCKED`.
struct Guarded(UnsafeCell<Store>);
// SAFETY: whoever touches the cell holds the lock.
unsafe impl Sync for Guarded {}

static LOCKED: AtomicBool = AtomicBool::new(false);
static STORE: Guarded = Guarded(UnsafeCell::new(Store { large: Shelf::EMPTY, small: Shelf::EMPTY }));

#[inline]
fn locked<R>(f: impl FnOnce(&mut Store) -> R) -> R {
    lock();
    // SAFETY: the lock is held.
    let result = f(unsafe { &mut *STORE.0.get() });
    unlock();
    result
}

/// Not a `Mutex`: the fork's handlers take it in one and leave it in another function.
#[inline]
fn lock() {
    while LOCKED.compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
        std::thread::yield_now();
    }
}

#[inline]
fn unlock() {
    LOCKED.store(false, Ordering::Release);
}

/// Bytes of memory that the process may use, if that can be known.
fn memory_there_is() -> Option<usize> {
    #[cfg(unix)]
    {
        // SAFETY: asks for numbers.
        let (pages, size) =
            unsafe { (libc::sysconf(libc::_SC_PHYS_PAGES), libc::sysconf(libc::_SC_PAGESIZE)) };
        let machine = usize::try_from(pages).ok()?.checked_mul(usize::try_from(size).ok()?)?;
        let container = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
        let container = container.and_then(|text| text.trim().parse().ok());
        Some(container.map_or(machine, |bytes: usize| bytes.min(machine)))
    }
    #[cfg(not(unix))]
    None
}
