# Written by bindings/python/stubs.py with NumPy 2.4.6; `make bless` writes it anew.
from typing import Literal as L

from numpy import False_ as False_
from numpy import ScalarType as ScalarType
from numpy import True_ as True_
from numpy import __array_namespace_info__ as __array_namespace_info__
from numpy import all as all
from numpy import allclose as allclose
from numpy import amax as amax
from numpy import amin as amin
from numpy import angle as angle
from numpy import any as any
from numpy import append as append
from numpy import apply_along_axis as apply_along_axis
from numpy import apply_over_axes as apply_over_axes
from numpy import arange as arange
from numpy import argmax as argmax
from numpy import argmin as argmin
from numpy import argpartition as argpartition
from numpy import argsort as argsort
from numpy import argwhere as argwhere
from numpy import around as around
from numpy import array as array
from numpy import array2string as array2string
from numpy import array_equal as array_equal
from numpy import array_equiv as array_equiv
from numpy import array_repr as array_repr
from numpy import array_split as array_split
from numpy import array_str as array_str
from numpy import asanyarray as asanyarray
from numpy import asarray_chkfinite as asarray_chkfinite
from numpy import ascontiguousarray as ascontiguousarray
from numpy import asfortranarray as asfortranarray
from numpy import asmatrix as asmatrix
from numpy import astype as astype
from numpy import atleast_1d as atleast_1d
from numpy import atleast_2d as atleast_2d
from numpy import atleast_3d as atleast_3d
from numpy import average as average
from numpy import bartlett as bartlett
from numpy import base_repr as base_repr
from numpy import binary_repr as binary_repr
from numpy import bincount as bincount
from numpy import blackman as blackman
from numpy import block as block
from numpy import bmat as bmat
from numpy import bool as bool
from numpy import bool_ as bool_
from numpy import broadcast as broadcast
from numpy import broadcast_arrays as broadcast_arrays
from numpy import broadcast_shapes as broadcast_shapes
from numpy import broadcast_to as broadcast_to
from numpy import busday_count as busday_count
from numpy import busday_offset as busday_offset
from numpy import busdaycalendar as busdaycalendar
from numpy import byte as byte
from numpy import bytes_ as bytes_
from numpy import c_ as c_
from numpy import can_cast as can_cast
from numpy import cdouble as cdouble
from numpy import char as char
from numpy import character as character
from numpy import choose as choose
from numpy import clip as clip
from numpy import clongdouble as clongdouble
from numpy import column_stack as column_stack
from numpy import common_type as common_type
from numpy import complex128 as complex128
from numpy import complex256 as complex256
from numpy import complex64 as complex64
from numpy import complexfloating as complexfloating
from numpy import compress as compress
from numpy import concat as concat
from numpy import concatenate as concatenate
from numpy import convolve as convolve
from numpy import copy as copy
from numpy import copyto as copyto
from numpy import core as core
from numpy import corrcoef as corrcoef
from numpy import correlate as correlate
from numpy import count_nonzero as count_nonzero
from numpy import cov as cov
from numpy import cross as cross
from numpy import csingle as csingle
from numpy import ctypeslib as ctypeslib
from numpy import cumprod as cumprod
from numpy import cumsum as cumsum
from numpy import cumulative_prod as cumulative_prod
from numpy import cumulative_sum as cumulative_sum
from numpy import datetime64 as datetime64
from numpy import datetime_as_string as datetime_as_string
from numpy import datetime_data as datetime_data
from numpy import delete as delete
from numpy import diag as diag
from numpy import diag_indices as diag_indices
from numpy import diag_indices_from as diag_indices_from
from numpy import diagflat as diagflat
from numpy import diagonal as diagonal
from numpy import diff as diff
from numpy import digitize as digitize
from numpy import dot as dot
from numpy import double as double
from numpy import dsplit as dsplit
from numpy import dstack as dstack
from numpy import dtype as dtype
from numpy import dtypes as dtypes
from numpy import e as e
from numpy import ediff1d as ediff1d
from numpy import einsum as einsum
from numpy import einsum_path as einsum_path
from numpy import emath as emath
from numpy import empty as empty
from numpy import empty_like as empty_like
from numpy import errstate as errstate
from numpy import euler_gamma as euler_gamma
from numpy import exceptions as exceptions
from numpy import expand_dims as expand_dims
from numpy import extract as extract
from numpy import eye as eye
from numpy import f2py as f2py
from numpy import fft as fft
from numpy import fill_diagonal as fill_diagonal
from numpy import finfo as finfo
from numpy import fix as fix
from numpy import flatiter as flatiter
from numpy import flatnonzero as flatnonzero
from numpy import flexible as flexible
from numpy import flip as flip
from numpy import fliplr as fliplr
from numpy import flipud as flipud
from numpy import float128 as float128
from numpy import float16 as float16
from numpy import float32 as float32
from numpy import float64 as float64
from numpy import floating as floating
from numpy import format_float_positional as format_float_positional
from numpy import format_float_scientific as format_float_scientific
from numpy import frombuffer as frombuffer
from numpy import fromfile as fromfile
from numpy import fromfunction as fromfunction
from numpy import fromiter as fromiter
from numpy import frompyfunc as frompyfunc
from numpy import fromregex as fromregex
from numpy import fromstring as fromstring
from numpy import full as full
from numpy import full_like as full_like
from numpy import generic as generic
from numpy import genfromtxt as genfromtxt
from numpy import geomspace as geomspace
from numpy import get_include as get_include
from numpy import get_printoptions as get_printoptions
from numpy import getbufsize as getbufsize
from numpy import geterr as geterr
from numpy import geterrcall as geterrcall
from numpy import gradient as gradient
from numpy import half as half
from numpy import hamming as hamming
from numpy import hanning as hanning
from numpy import histogram as histogram
from numpy import histogram2d as histogram2d
from numpy import histogram_bin_edges as histogram_bin_edges
from numpy import histogramdd as histogramdd
from numpy import hsplit as hsplit
from numpy import hstack as hstack
from numpy import i0 as i0
from numpy import identity as identity
from numpy import iinfo as iinfo
from numpy import imag as imag
from numpy import index_exp as index_exp
from numpy import indices as indices
from numpy import inexact as inexact
from numpy import inf as inf
from numpy import info as info
from numpy import inner as inner
from numpy import insert as insert
from numpy import int16 as int16
from numpy import int32 as int32
from numpy import int64 as int64
from numpy import int8 as int8
from numpy import int_ as int_
from numpy import intc as intc
from numpy import integer as integer
from numpy import interp as interp
from numpy import intersect1d as intersect1d
from numpy import intp as intp
from numpy import is_busday as is_busday
from numpy import isclose as isclose
from numpy import iscomplex as iscomplex
from numpy import iscomplexobj as iscomplexobj
from numpy import isdtype as isdtype
from numpy import isfortran as isfortran
from numpy import isin as isin
from numpy import isneginf as isneginf
from numpy import isposinf as isposinf
from numpy import isreal as isreal
from numpy import isrealobj as isrealobj
from numpy import isscalar as isscalar
from numpy import issubdtype as issubdtype
from numpy import iterable as iterable
from numpy import ix_ as ix_
from numpy import kaiser as kaiser
from numpy import kron as kron
from numpy import lexsort as lexsort
from numpy import lib as lib
from numpy import linalg as linalg
from numpy import linspace as linspace
from numpy import little_endian as little_endian
from numpy import load as load
from numpy import loadtxt as loadtxt
from numpy import logspace as logspace
from numpy import long as long
from numpy import longdouble as longdouble
from numpy import longlong as longlong
from numpy import ma as ma
from numpy import mask_indices as mask_indices
from numpy import matrix as matrix
from numpy import matrix_transpose as matrix_transpose
from numpy import max as max
from numpy import may_share_memory as may_share_memory
from numpy import mean as mean
from numpy import median as median
from numpy import memmap as memmap
from numpy import meshgrid as meshgrid
from numpy import mgrid as mgrid
from numpy import min as min
from numpy import min_scalar_type as min_scalar_type
from numpy import mintypecode as mintypecode
from numpy import moveaxis as moveaxis
from numpy import nan as nan
from numpy import nan_to_num as nan_to_num
from numpy import nanargmax as nanargmax
from numpy import nanargmin as nanargmin
from numpy import nancumprod as nancumprod
from numpy import nancumsum as nancumsum
from numpy import nanmax as nanmax
from numpy import nanmean as nanmean
from numpy import nanmedian as nanmedian
from numpy import nanmin as nanmin
from numpy import nanpercentile as nanpercentile
from numpy import nanprod as nanprod
from numpy import nanquantile as nanquantile
from numpy import nanstd as nanstd
from numpy import nansum as nansum
from numpy import nanvar as nanvar
from numpy import ndarray as ndarray
from numpy import ndenumerate as ndenumerate
from numpy import ndim as ndim
from numpy import ndindex as ndindex
from numpy import nditer as nditer
from numpy import nested_iters as nested_iters
from numpy import newaxis as newaxis
from numpy import nonzero as nonzero
from numpy import number as number
from numpy import object_ as object_
from numpy import ogrid as ogrid
from numpy import ones as ones
from numpy import ones_like as ones_like
from numpy import outer as outer
from numpy import packbits as packbits
from numpy import pad as pad
from numpy import partition as partition
from numpy import percentile as percentile
from numpy import permute_dims as permute_dims
from numpy import pi as pi
from numpy import piecewise as piecewise
from numpy import place as place
from numpy import poly as poly
from numpy import poly1d as poly1d
from numpy import polyadd as polyadd
from numpy import polyder as polyder
from numpy import polydiv as polydiv
from numpy import polyfit as polyfit
from numpy import polyint as polyint
from numpy import polymul as polymul
from numpy import polynomial as polynomial
from numpy import polysub as polysub
from numpy import polyval as polyval
from numpy import printoptions as printoptions
from numpy import prod as prod
from numpy import promote_types as promote_types
from numpy import ptp as ptp
from numpy import put as put
from numpy import put_along_axis as put_along_axis
from numpy import putmask as putmask
from numpy import quantile as quantile
from numpy import r_ as r_
from numpy import random as random
from numpy import ravel as ravel
from numpy import ravel_multi_index as ravel_multi_index
from numpy import real as real
from numpy import real_if_close as real_if_close
from numpy import rec as rec
from numpy import recarray as recarray
from numpy import record as record
from numpy import repeat as repeat
from numpy import require as require
from numpy import reshape as reshape
from numpy import resize as resize
from numpy import result_type as result_type
from numpy import roll as roll
from numpy import rollaxis as rollaxis
from numpy import roots as roots
from numpy import rot90 as rot90
from numpy import round as round
from numpy import row_stack as row_stack
from numpy import s_ as s_
from numpy import save as save
from numpy import savetxt as savetxt
from numpy import savez as savez
from numpy import savez_compressed as savez_compressed
from numpy import sctypeDict as sctypeDict
from numpy import searchsorted as searchsorted
from numpy import select as select
from numpy import set_printoptions as set_printoptions
from numpy import setbufsize as setbufsize
from numpy import setdiff1d as setdiff1d
from numpy import seterr as seterr
from numpy import seterrcall as seterrcall
from numpy import setxor1d as setxor1d
from numpy import shape as shape
from numpy import shares_memory as shares_memory
from numpy import short as short
from numpy import show_runtime as show_runtime
from numpy import signedinteger as signedinteger
from numpy import sinc as sinc
from numpy import single as single
from numpy import size as size
from numpy import sort as sort
from numpy import sort_complex as sort_complex
from numpy import split as split
from numpy import squeeze as squeeze
from numpy import stack as stack
from numpy import std as std
from numpy import str_ as str_
from numpy import strings as strings
from numpy import sum as sum
from numpy import swapaxes as swapaxes
from numpy import take as take
from numpy import take_along_axis as take_along_axis
from numpy import tensordot as tensordot
from numpy import test as test
from numpy import testing as testing
from numpy import tile as tile
from numpy import timedelta64 as timedelta64
from numpy import trace as trace
from numpy import transpose as transpose
from numpy import trapezoid as trapezoid
from numpy import tri as tri
from numpy import tril as tril
from numpy import tril_indices as tril_indices
from numpy import tril_indices_from as tril_indices_from
from numpy import trim_zeros as trim_zeros
from numpy import triu as triu
from numpy import triu_indices as triu_indices
from numpy import triu_indices_from as triu_indices_from
from numpy import typecodes as typecodes
from numpy import typename as typename
from numpy import typing as typing
from numpy import ubyte as ubyte
from numpy import ufunc as ufunc
from numpy import uint as uint
from numpy import uint16 as uint16
from numpy import uint32 as uint32
from numpy import uint64 as uint64
from numpy import uint8 as uint8
from numpy import uintc as uintc
from numpy import uintp as uintp
from numpy import ulong as ulong
from numpy import ulonglong as ulonglong
from numpy import union1d as union1d
from numpy import unique as unique
from numpy import unique_all as unique_all
from numpy import unique_counts as unique_counts
from numpy import unique_inverse as unique_inverse
from numpy import unique_values as unique_values
from numpy import unpackbits as unpackbits
from numpy import unravel_index as unravel_index
from numpy import unsignedinteger as unsignedinteger
from numpy import unstack as unstack
from numpy import unwrap as unwrap
from numpy import ushort as ushort
from numpy import vander as vander
from numpy import var as var
from numpy import vdot as vdot
from numpy import vectorize as vectorize
from numpy import void as void
from numpy import vsplit as vsplit
from numpy import vstack as vstack
from numpy import where as where
from numpy import zeros as zeros
from numpy import zeros_like as zeros_like
from numpy._typing import _GUFunc_Nin2_Nout1, _UFunc_Nin1_Nout1, _UFunc_Nin1_Nout2, _UFunc_Nin2_Nout1, _UFunc_Nin2_Nout2

absolute: _UFunc_Nin1_Nout1[L["absolute"], int, None]
"""Absolute value, element-wise; the least signed integer is its own."""
add: _UFunc_Nin2_Nout1[L["add"], int, L[0]]
"""Adds arguments element-wise."""
arccos: _UFunc_Nin1_Nout1[L["arccos"], int, None]
"""The angle in radians whose cosine is x, between 0 and pi, element-wise."""
arccosh: _UFunc_Nin1_Nout1[L["arccosh"], int, None]
"""Inverse hyperbolic cosine, element-wise."""
arcsin: _UFunc_Nin1_Nout1[L["arcsin"], int, None]
"""The angle in radians whose sine is x, between -pi/2 and pi/2, element-wise."""
arcsinh: _UFunc_Nin1_Nout1[L["arcsinh"], int, None]
"""Inverse hyperbolic sine, element-wise."""
arctan: _UFunc_Nin1_Nout1[L["arctan"], int, None]
"""The angle in radians whose tangent is x, between -pi/2 and pi/2, element-wise."""
arctan2: _UFunc_Nin2_Nout1[L["arctan2"], int, None]
"""The angle of the point (x2, x1), between -pi and pi, element-wise."""
arctanh: _UFunc_Nin1_Nout1[L["arctanh"], int, None]
"""Inverse hyperbolic tangent, element-wise."""
bitwise_and: _UFunc_Nin2_Nout1[L["bitwise_and"], int, L[-1]]
"""Bitwise and, element-wise."""
bitwise_count: _UFunc_Nin1_Nout1[L["bitwise_count"], int, None]
"""How many bits of the magnitude are set, element-wise."""
bitwise_or: _UFunc_Nin2_Nout1[L["bitwise_or"], int, L[0]]
"""Bitwise or, element-wise."""
bitwise_xor: _UFunc_Nin2_Nout1[L["bitwise_xor"], int, L[0]]
"""Bitwise exclusive or, element-wise."""
cbrt: _UFunc_Nin1_Nout1[L["cbrt"], int, None]
"""Cube root, element-wise."""
ceil: _UFunc_Nin1_Nout1[L["ceil"], int, None]
"""The least integer not below the value, element-wise."""
conjugate: _UFunc_Nin1_Nout1[L["conjugate"], int, None]
"""The complex conjugate, element-wise; of real numbers a copy."""
copysign: _UFunc_Nin2_Nout1[L["copysign"], int, None]
"""The first value with the sign of the second, element-wise."""
cos: _UFunc_Nin1_Nout1[L["cos"], int, None]
"""Cosine of angles in radians, however large, element-wise."""
cosh: _UFunc_Nin1_Nout1[L["cosh"], int, None]
"""Hyperbolic cosine, element-wise."""
deg2rad: _UFunc_Nin1_Nout1[L["deg2rad"], int, None]
"""Angles in degrees as radians, element-wise."""
degrees: _UFunc_Nin1_Nout1[L["degrees"], int, None]
"""Angles in radians as degrees, element-wise."""
divide: _UFunc_Nin2_Nout1[L["divide"], int, None]
"""Divides arguments element-wise; integers give f64."""
divmod: _UFunc_Nin2_Nout2[L["divmod"], int, None]
"""The quotient rounded down and what it leaves, element-wise."""
equal: _UFunc_Nin2_Nout1[L["equal"], int, None]
"""Whether x1 == x2, element-wise."""
exp: _UFunc_Nin1_Nout1[L["exp"], int, None]
"""e to the power of x, element-wise."""
exp2: _UFunc_Nin1_Nout1[L["exp2"], int, None]
"""2 to the power of x, element-wise."""
expm1: _UFunc_Nin1_Nout1[L["expm1"], int, None]
"""e to the power of x, less 1, element-wise; precise near 0."""
fabs: _UFunc_Nin1_Nout1[L["fabs"], int, None]
"""Absolute value as a float, element-wise."""
float_power: _UFunc_Nin2_Nout1[L["float_power"], int, None]
"""x1 to the power of x2 in float64, element-wise."""
floor: _UFunc_Nin1_Nout1[L["floor"], int, None]
"""The largest integer not above the value, element-wise."""
floor_divide: _UFunc_Nin2_Nout1[L["floor_divide"], int, None]
"""The quotient rounded down, element-wise."""
fmax: _UFunc_Nin2_Nout1[L["fmax"], int, None]
"""The larger of two values, element-wise; a NaN only if both are."""
fmin: _UFunc_Nin2_Nout1[L["fmin"], int, None]
"""The smaller of two values, element-wise; a NaN only if both are."""
fmod: _UFunc_Nin2_Nout1[L["fmod"], int, None]
"""What the quotient rounded towards zero leaves, with the dividend's sign."""
frexp: _UFunc_Nin1_Nout2[L["frexp"], int, None]
"""Mantissas from 0.5 to 1 and exponents of two, element-wise."""
gcd: _UFunc_Nin2_Nout1[L["gcd"], int, L[0]]
"""The greatest common divisor of the magnitudes, element-wise."""
greater: _UFunc_Nin2_Nout1[L["greater"], int, None]
"""Whether x1 > x2, element-wise."""
greater_equal: _UFunc_Nin2_Nout1[L["greater_equal"], int, None]
"""Whether x1 >= x2, element-wise."""
heaviside: _UFunc_Nin2_Nout1[L["heaviside"], int, None]
"""0 below zero, 1 above, and x2 at zero."""
hypot: _UFunc_Nin2_Nout1[L["hypot"], int, L[0]]
"""The hypotenuse of the right triangle with legs x1 and x2, element-wise."""
invert: _UFunc_Nin1_Nout1[L["invert"], int, None]
"""Bitwise not, element-wise."""
isfinite: _UFunc_Nin1_Nout1[L["isfinite"], int, None]
"""Whether the value is neither infinite nor NaN, element-wise."""
isinf: _UFunc_Nin1_Nout1[L["isinf"], int, None]
"""Whether the value is infinite, element-wise."""
isnan: _UFunc_Nin1_Nout1[L["isnan"], int, None]
"""Whether the value is NaN, element-wise."""
isnat: _UFunc_Nin1_Nout1[L["isnat"], int, None]
"""Whether the value is no time (NaT), element-wise."""
lcm: _UFunc_Nin2_Nout1[L["lcm"], int, None]
"""The least common multiple of the magnitudes, element-wise."""
ldexp: _UFunc_Nin2_Nout1[L["ldexp"], int, None]
"""x1 times 2 to the power of x2, element-wise."""
left_shift: _UFunc_Nin2_Nout1[L["left_shift"], int, None]
"""Shifts bits to the left, element-wise."""
less: _UFunc_Nin2_Nout1[L["less"], int, None]
"""Whether x1 < x2, element-wise."""
less_equal: _UFunc_Nin2_Nout1[L["less_equal"], int, None]
"""Whether x1 <= x2, element-wise."""
log: _UFunc_Nin1_Nout1[L["log"], int, None]
"""Natural logarithm, element-wise."""
log10: _UFunc_Nin1_Nout1[L["log10"], int, None]
"""Logarithm to base 10, element-wise."""
log1p: _UFunc_Nin1_Nout1[L["log1p"], int, None]
"""Natural logarithm of 1 + x, element-wise; precise near 0."""
log2: _UFunc_Nin1_Nout1[L["log2"], int, None]
"""Logarithm to base 2, element-wise."""
logaddexp: _UFunc_Nin2_Nout1[L["logaddexp"], int, float]
"""The logarithm of the sum of the inputs' exponentials, element-wise."""
logaddexp2: _UFunc_Nin2_Nout1[L["logaddexp2"], int, float]
"""The logarithm to base 2 of the sum of the powers of 2, element-wise."""
logical_and: _UFunc_Nin2_Nout1[L["logical_and"], int, L[True]]
"""Whether both are true, element-wise."""
logical_not: _UFunc_Nin1_Nout1[L["logical_not"], int, None]
"""Whether the value is false, element-wise."""
logical_or: _UFunc_Nin2_Nout1[L["logical_or"], int, L[False]]
"""Whether either is true, element-wise."""
logical_xor: _UFunc_Nin2_Nout1[L["logical_xor"], int, L[False]]
"""Whether just one is true, element-wise."""
matmul: _GUFunc_Nin2_Nout1[L["matmul"], int, None, L["(n?,k),(k,m?)->(n?,m?)"]]
"""The matrix product."""
matvec: _GUFunc_Nin2_Nout1[L["matvec"], int, None, L["(m,n),(n)->(m)"]]
"""The product of a matrix and a vector."""
maximum: _UFunc_Nin2_Nout1[L["maximum"], int, None]
"""The larger of two values, element-wise; NaN if either is."""
minimum: _UFunc_Nin2_Nout1[L["minimum"], int, None]
"""The smaller of two values, element-wise; NaN if either is."""
modf: _UFunc_Nin1_Nout2[L["modf"], int, None]
"""Fractions and whole numbers, element-wise, both with the sign of x."""
multiply: _UFunc_Nin2_Nout1[L["multiply"], int, L[1]]
"""Multiplies arguments element-wise."""
negative: _UFunc_Nin1_Nout1[L["negative"], int, None]
"""Numerical negative, element-wise."""
nextafter: _UFunc_Nin2_Nout1[L["nextafter"], int, None]
"""The next float after x1 in the direction of x2, element-wise."""
not_equal: _UFunc_Nin2_Nout1[L["not_equal"], int, None]
"""Whether x1 != x2, element-wise."""
positive: _UFunc_Nin1_Nout1[L["positive"], int, None]
"""Numerical positive, element-wise: a copy."""
power: _UFunc_Nin2_Nout1[L["power"], int, None]
"""x1 to the power of x2, element-wise."""
rad2deg: _UFunc_Nin1_Nout1[L["rad2deg"], int, None]
"""Angles in radians as degrees, element-wise."""
radians: _UFunc_Nin1_Nout1[L["radians"], int, None]
"""Angles in degrees as radians, element-wise."""
reciprocal: _UFunc_Nin1_Nout1[L["reciprocal"], int, None]
"""One over the value, element-wise; integers truncate."""
remainder: _UFunc_Nin2_Nout1[L["remainder"], int, None]
"""What the quotient rounded down leaves, with the divisor's sign."""
right_shift: _UFunc_Nin2_Nout1[L["right_shift"], int, None]
"""Shifts bits to the right, element-wise; the sign is kept."""
rint: _UFunc_Nin1_Nout1[L["rint"], int, None]
"""The nearest integer, ties to even, element-wise."""
sign: _UFunc_Nin1_Nout1[L["sign"], int, None]
"""The sign: -1, 0 or 1, NaN for NaN."""
signbit: _UFunc_Nin1_Nout1[L["signbit"], int, None]
"""Whether the sign bit is set, NaN's and -0's too, element-wise."""
sin: _UFunc_Nin1_Nout1[L["sin"], int, None]
"""Sine of angles in radians, however large, element-wise."""
sinh: _UFunc_Nin1_Nout1[L["sinh"], int, None]
"""Hyperbolic sine, element-wise."""
spacing: _UFunc_Nin1_Nout1[L["spacing"], int, None]
"""The distance to the next float of greater magnitude, with the sign of x."""
sqrt: _UFunc_Nin1_Nout1[L["sqrt"], int, None]
"""The non-negative square root, element-wise."""
square: _UFunc_Nin1_Nout1[L["square"], int, None]
"""The value times itself, element-wise."""
subtract: _UFunc_Nin2_Nout1[L["subtract"], int, None]
"""Subtracts arguments element-wise."""
tan: _UFunc_Nin1_Nout1[L["tan"], int, None]
"""Tangent of angles in radians, however large, element-wise."""
tanh: _UFunc_Nin1_Nout1[L["tanh"], int, None]
"""Hyperbolic tangent, element-wise."""
trunc: _UFunc_Nin1_Nout1[L["trunc"], int, None]
"""The nearest integer towards zero, element-wise."""
vecdot: _GUFunc_Nin2_Nout1[L["vecdot"], int, None, L["(n),(n)->()"]]
"""The product of two vectors, the first conjugated."""
vecmat: _GUFunc_Nin2_Nout1[L["vecmat"], int, None, L["(n),(n,m)->(m)"]]
"""The product of a vector, conjugated, and a matrix."""
abs = absolute
acos = arccos
acosh = arccosh
asin = arcsin
asinh = arcsinh
atan = arctan
atan2 = arctan2
atanh = arctanh
bitwise_invert = invert
bitwise_left_shift = left_shift
bitwise_not = invert
bitwise_right_shift = right_shift
conj = conjugate
mod = remainder
pow = power
true_divide = divide
