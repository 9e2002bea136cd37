//! The extension module with ufuncs of another crate: both are named, so that the linker keeps them.

use _native as _;
use ufunx_downstream as _;
