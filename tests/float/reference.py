"""Makes reference.txt: values of functions of f64, to 200 bits, by mpmath (PyPI).

    python3 reference.py [points] > reference.txt

A line is a function's name, or an argument or two, the value rounded to f64, all as the hexadecimal
digits of their bits, and what the rounding took away in hundredths of a unit in the last place.
"""

import math
import random
import struct
import sys

import mpmath
from mpmath import mp, mpf

mp.prec = 200


def bits(x):
    return struct.unpack("<Q", struct.pack("<d", x))[0]


def rounded(value):
    """The nearest f64, and what it lacks, in hundredths of its last place."""
    if isinstance(value, mpmath.mpc) or mpmath.isnan(value):
        return math.nan, 0
    if mpmath.isinf(value) or abs(value) >= mpf(2) ** 1024 - mpf(2) ** 970:
        return math.copysign(math.inf, value), 0
    if value == 0:
        return 0.0, 0
    exponent = max(int(mpmath.floor(mpmath.log(abs(value), 2))) - 52, -1074)
    unit = mpf(2) ** exponent
    nearest = int(mpmath.nint(value / unit))
    rest = value / unit - nearest
    return math.copysign(float(nearest * unit), value), int(mpmath.nint(100 * rest))


# Arguments: each a function of a random generator.
def wide(r):
    return struct.unpack("<d", struct.pack("<Q", r.getrandbits(63) % (0x7FF << 52)))[0] * r.choice((-1, 1))


def between(low, high):
    return lambda r: r.uniform(low, high)


def log_between(low, high, signs=(1,)):
    return lambda r: math.exp(r.uniform(math.log(low), math.log(high))) * r.choice(signs)


BOTH = (-1, 1)


def near(points, width):
    """Around some points, at all distances down to the neighbouring float."""

    def draw(r):
        point = r.choice(points)
        return point + point * math.exp(r.uniform(math.log(1e-16), math.log(width))) * r.choice(BOTH)

    return draw


def mix(*draws):
    return lambda r: r.choice(draws)(r)


def integers(low, high):
    return lambda r: float(r.randint(low, high))


def newton(function, slope, start):
    x = start
    for _ in range(60):
        step = function(x) / slope(x)
        x -= step
        if abs(step) < abs(x) * mpf(2) ** -190:
            break
    return x


def erfcinv(y):
    if y > 1:
        return -erfcinv(2 - y)
    if y > mpf("0.5"):
        return mpmath.erfinv(1 - y)
    start = mpmath.sqrt(-mpmath.log(y * mpmath.sqrt(mp.pi * -mpmath.log(y))))
    return newton(
        lambda x: mpmath.log(mpmath.erfc(x) / y),
        lambda x: -2 / mpmath.sqrt(mp.pi) * mpmath.exp(-x * x) / mpmath.erfc(x),
        start,
    )


def lgamma(x):
    if x > 0:
        return mpmath.loggamma(x)
    return mp.inf if x == int(x) else mpmath.log(abs(mpmath.gamma(x)))


HALF_PIS = [k * math.pi / 2 for k in (1, 2, 3, 4, 5, 100, 12345, 10**9)]
BESSEL = mix(log_between(1e-5, 1e5), between(0, 30))
BESSEL_BOTH = mix(log_between(1e-5, 1e5, BOTH), between(-30, 30))
ORDER = integers(-3, 9)

FUNCTIONS = {
    "acos": (mpmath.acos, mix(between(-1, 1), near([1.0, -1.0, 0.5], 1e-3), log_between(1e-300, 1, BOTH))),
    "acosh": (mpmath.acosh, mix(near([1.0, 2.0], 0.5), log_between(1, 1.7e308))),
    "asin": (mpmath.asin, mix(between(-1, 1), near([1.0, -1.0, 0.5], 1e-3), log_between(1e-300, 1, BOTH))),
    "asinh": (mpmath.asinh, mix(wide, log_between(1e-9, 1e9, BOTH))),
    "atan": (mpmath.atan, mix(wide, log_between(1e-9, 1e9, BOTH))),
    "atan2": (mpmath.atan2, mix(wide, log_between(1e-3, 1e3, BOTH)), mix(wide, log_between(1e-3, 1e3, BOTH))),
    "atanh": (mpmath.atanh, mix(between(-1, 1), near([1.0, -1.0, 0.5], 1e-3), log_between(1e-300, 1, BOTH))),
    "cbrt": (lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)), wide),
    "cos": (mpmath.cos, mix(wide, between(-10, 10), near(HALF_PIS, 1e-3))),
    "cosh": (mpmath.cosh, mix(between(-711, 711), between(-3, 3))),
    "cospi": (mpmath.cospi, mix(between(-2, 2), log_between(1e-9, 1e9, BOTH))),
    "erf": (mpmath.erf, mix(between(-6, 6), log_between(1e-300, 1, BOTH))),
    "erfc": (mpmath.erfc, mix(between(-6, 27.3), log_between(1e-9, 27.3, BOTH))),
    "erfcinv": (erfcinv, mix(between(0, 2), log_between(5e-324, 1), near([1.0, 2.0], 1e-3))),
    "erfcx": (
        lambda x: mpmath.exp(x * x) * mpmath.erfc(x),
        mix(between(-26, 27), log_between(1e-9, 1e4, BOTH), near([10.0], 1e-3)),
    ),
    "erfinv": (lambda y: mpmath.erfinv(y) if abs(y) <= 1 else mp.nan, mix(between(-1, 1), near([1.0, -1.0, 0.5], 1e-3), log_between(1e-300, 1, BOTH))),
    "exp": (mpmath.exp, mix(between(-746, 710), between(-2, 2), log_between(1e-18, 1, BOTH))),
    "exp10": (lambda x: mpf(10) ** x, mix(between(-324, 309), between(-1, 1), log_between(1e-18, 1, BOTH))),
    "exp2": (lambda x: mpf(2) ** x, mix(between(-1075, 1024), between(-2, 2), log_between(1e-18, 1, BOTH))),
    "exp_m1": (mpmath.expm1, mix(between(-60, 710), between(-2, 2), log_between(1e-300, 1, BOTH))),
    "hypot": (mpmath.hypot, mix(wide, log_between(1e-3, 1e3, BOTH)), mix(wide, log_between(1e-3, 1e3, BOTH))),
    "j0": (lambda x: mpmath.besselj(0, x), BESSEL_BOTH),
    "j1": (lambda x: mpmath.besselj(1, x), BESSEL_BOTH),
    "jn": (lambda n, x: mpmath.besselj(int(n), x), ORDER, BESSEL_BOTH),
    "lgamma": (lgamma, mix(log_between(1e-9, 1e300), between(-30, 30), near([1.0, 2.0], 1e-2))),
    "ln": (mpmath.log, mix(log_between(5e-324, 1.7e308), near([1.0, 0.5, 2.0], 0.5))),
    "ln_1p": (mpmath.log1p, mix(log_between(1e-300, 1.7e308), between(-1, 3), log_between(1e-300, 1, BOTH))),
    "log": (
        lambda x, base: mpmath.log(x) / mpmath.log(base),
        mix(log_between(5e-324, 1.7e308), near([1.0], 0.5)),
        log_between(1e-3, 1e3),
    ),
    "log10": (mpmath.log10, mix(log_between(5e-324, 1.7e308), near([1.0, 0.1, 10.0], 0.5))),
    "log2": (lambda x: mpmath.log(x, 2), mix(log_between(5e-324, 1.7e308), near([1.0, 0.5, 2.0], 0.5))),
    "normcdf": (lambda x: mpmath.erfc(-x / mpmath.sqrt(2)) / 2, mix(between(-38.5, 9), log_between(1e-9, 38, BOTH))),
    "normcdfinv": (lambda p: -mpmath.sqrt(2) * erfcinv(2 * p), mix(between(0, 1), log_between(5e-324, 0.5))),
    "powf": (
        mpmath.power,
        mix(log_between(1e-300, 1e300), near([1.0], 0.1)),
        mix(between(-3, 3), log_between(1e-3, 1e3, BOTH)),
    ),
    "powi": (lambda x, n: x ** int(n), mix(log_between(1e-30, 1e30, BOTH), near([1.0, -1.0], 0.1)), integers(-60, 60)),
    "rcbrt": (lambda x: mpmath.sign(x) / mpmath.cbrt(abs(x)), wide),
    "rsqrt": (lambda x: 1 / mpmath.sqrt(x), log_between(5e-324, 1.7e308)),
    "sin": (mpmath.sin, mix(wide, between(-10, 10), near(HALF_PIS, 1e-3))),
    "sinh": (mpmath.sinh, mix(between(-711, 711), between(-3, 3), log_between(1e-300, 1, BOTH))),
    "sinpi": (mpmath.sinpi, mix(between(-2, 2), log_between(1e-9, 1e9, BOTH))),
    "tan": (mpmath.tan, mix(wide, between(-10, 10), near(HALF_PIS, 1e-3))),
    "tanh": (mpmath.tanh, mix(between(-20, 20), between(-1, 1), log_between(1e-300, 1, BOTH))),
    "tgamma": (mpmath.gamma, mix(between(-30, 171.7), between(-5, 5), log_between(1e-300, 1, BOTH))),
    "y0": (lambda x: mpmath.bessely(0, x), BESSEL),
    "y1": (lambda x: mpmath.bessely(1, x), BESSEL),
    "yn": (lambda n, x: mpmath.bessely(int(n), x), ORDER, BESSEL),
}


def main():
    points = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    for name, (function, *draws) in FUNCTIONS.items():
        if len(sys.argv) > 2 and name not in sys.argv[2:]:
            continue
        r = random.Random(name)
        print(name)
        for _ in range(points):
            arguments = [draw(r) for draw in draws]
            # Trigonometric functions need the argument's own bits too.
            mp.prec = 200 + max(0, max(math.frexp(x)[1] for x in arguments))
            value, lacks = rounded(function(*map(mpf, arguments)))
            print(*(f"{bits(x):x}" for x in (*arguments, value)), lacks)
            mp.prec = 200


main()
