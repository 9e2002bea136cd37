//! More elements than 31 bits count, in one-byte dtypes.

use crate::common::ufunc;
use ufunx::operand::Operand;
use ufunx::registry::DType;
use ufunx::{CallOptions, ReduceOptions, View, ViewMut};

const N: usize = (1 << 31) + 5;

/// All `N` elements are one byte.
fn repeated(byte: &u8) -> View<'_> {
    let ptr = std::ptr::from_ref(byte).cast_mut();
    let operand = Operand { ptr, dtype: DType::U8, shape: [N][..].into(), strides: [0][..].into() };
    // SAFETY: every element is the byte, borrowed as long as the view.
    unsafe { View::from_operand(operand) }
}

fn over(bytes: &mut [u8]) -> ViewMut<'_> {
    let operand = Operand::contiguous(bytes.as_mut_ptr(), DType::U8, &[bytes.len()]);
    // SAFETY: the operand is the slice, borrowed mutably as long as the view.
    unsafe { ViewMut::from_operand(operand) }
}

#[test]
fn two_to_the_31_and_5_bytes_of_contiguous_and_repeated_operands() {
    let marks = [0, 1, (1 << 31) - 1, 1 << 31, (1 << 31) + 1, N - 1];
    let mut a = vec![0u8; N];
    for &i in &marks {
        a[i] = 0xf1;
    }
    let mut out = vec![0u8; N];
    let options = CallOptions::default();
    let a_view = over(&mut a);
    let inputs = [a_view.as_view().into(), repeated(&0x3f).into()];
    ufunc("bitwise_and").call_into(&inputs, &mut [over(&mut out)], &options).unwrap();
    let found: Vec<usize> = (0..N).filter(|&i| out[i] != 0).collect();
    assert_eq!(found, marks);
    assert!(marks.iter().all(|&i| out[i] == 0x31));
    // A repeated operand alone fills every element; and one element past 2^31 decides a fold.
    out[N - 1] = 0;
    let fold = |out: &mut [u8]| {
        let target = over(out);
        ufunc("bitwise_xor")
            .reduce(target.as_view(), &ReduceOptions::default())
            .unwrap()
            .one()
            .item::<u8>()
            .unwrap()
    };
    assert_eq!(fold(&mut out), 0x31, "five marks are left");
    ufunc("invert").call_into(&[repeated(&0).into()], &mut [over(&mut out)], &options).unwrap();
    assert!(out.iter().all(|&b| b == 0xff));
}
