"""The limit of the trebuchet workload: forward and adjoint written by hand, for Numba.

The throw of `tinydp.sims.trebuchet`, in steps of one length. Forwards, the state of each step is
stored, with sines, cosines and accelerations, and in flight what depends on a root; backwards, the rest is
computed again and differentiated line by line. `x_` is the cotangent of `x`.
"""

import math

import numba
import numpy as np

from tinydp.sims.trebuchet import CORRECTED, POUND, at_rest

from .registers import sin_and_cos

fast = numba.njit(fastmath={"contract"}, error_model="numpy", nogil=True)


@fast
def guess(above, height_above, below, height_below, k):
    """Where to look next for the event: on the secant, or every third time in the middle."""
    middle = above + 0.5 * (below - above)
    if k % 3 == 2 or not height_above > height_below:
        return middle
    h = above + (below - above) * (height_above / (height_above - height_below))
    return h if above < h < below else middle


@fast
def narrowed(above, height_above, below, height_below, k, h, height):
    """The bracket with `h` as one end (Illinois); both ends are the root when no number lies between them."""
    if height > 0:
        above, height_above, height_below = h, height, 0.5 * height_below
    else:
        below, height_below, height_above = h, height, 0.5 * height_above
    middle = above + 0.5 * (below - above)
    if height == 0 or middle in (above, below) or k >= 100:
        above = below
    return above, height_above, below, height_below, k + 1

A0, B, C, D, E = (CORRECTED.pivot_height, CORRECTED.long_arm, CORRECTED.short_arm, CORRECTED.hanger,
                  CORRECTED.sling)
G, MP, MA = CORRECTED.gravity, CORRECTED.projectile_mass, CORRECTED.arm_mass
IA, IW = CORRECTED.arm_inertia, CORRECTED.weight_inertia
L = (B - C) / 2
K = CORRECTED.air_density * CORRECTED.drag * math.pi * CORRECTED.projectile_radius**2 / (2 * MP)
START = tuple(at_rest()[1:])


# ---------------------------------------------------------------------------- the machine

@fast
def trig(a, b, c):
    """Sines and cosines of the three angles."""
    sa, ca = sin_and_cos(a)
    sb, cb = sin_and_cos(b)
    sc, cc = sin_and_cos(c)
    return sa, ca, sb, cb, sc, cc


@fast
def rates(hanging, t, ad, bd, cd, mass):
    """Accelerations of arm, hanger and sling; `t` from `trig`."""
    sa, ca, sb, cb, sc, cc = t
    sw, cw = sb * ca - cb * sa, cb * ca + sb * sa
    ss, cs = sc * ca - cc * sa, cc * ca + sc * sa
    ad2, bd2, cd2 = ad * ad, bd * bd, cd * cd
    swing = E * cd2 + B * cs * ad2
    if hanging:
        p = MP * B * ss
        more = p * (swing - G * cc)
    else:
        p = MP * B * ss / (sc * sc)
        more = p * swing
    h, own = mass * C * D, mass * D * D + IW
    geared = h * cw / own
    free = -(h * sw * ad2 + mass * G * D * sb) / own
    inertia = p * B * ss + MA * L * L + IA + mass * C * C - h * cw * geared
    torque = more + G * sa * (MA * L - mass * C) + h * (sw * bd2 - cw * free)
    aa = torque / inertia
    if hanging:
        ac = (G * sc - B * (cs * aa + ss * ad2)) / E
    else:
        ac = -(B * (ca * ad2 + sa * aa) + E * cc * cd2) / (E * sc)
    return aa, free - geared * aa, ac


@fast
def rates_back(hanging, t, ad, bd, cd, mass, aa, ac, y0, y1, y2, y3, y4, y5):
    """Cotangents of (a, b, c, a', b', c', mass), for those of the six rates of change.

    `aa` and `ac` are the accelerations of arm and sling.
    """
    sa, ca, sb, cb, sc, cc = t
    sw, cw = sb * ca - cb * sa, cb * ca + sb * sa
    ss, cs = sc * ca - cc * sa, cc * ca + sc * sa
    ad2, bd2, cd2 = ad * ad, bd * bd, cd * cd
    swing = E * cd2 + B * cs * ad2
    if hanging:
        p = MP * B * ss
        arm = swing - G * cc
    else:
        p = MP * B * ss / (sc * sc)
        arm = swing
    h, own = mass * C * D, mass * D * D + IW
    geared = h * cw / own
    free = -(h * sw * ad2 + mass * G * D * sb) / own
    inertia = p * B * ss + MA * L * L + IA + mass * C * C - h * cw * geared

    aa_ = y3 - y4 * geared
    sa_ = ca_ = sc_ = cc_ = ss_ = cs_ = ad2_ = cd2_ = 0.0
    if hanging:
        z = y5 / E
        sc_ += z * G
        cs_ -= z * B * aa
        aa_ -= z * B * cs
        ss_ -= z * B * ad2
        ad2_ -= z * B * ss
    else:
        n_ = -y5 / (E * sc)
        sc_ -= y5 * ac / sc
        ca_ += n_ * B * ad2
        sa_ += n_ * B * aa
        aa_ += n_ * B * sa
        ad2_ += n_ * B * ca
        cc_ += n_ * E * cd2
        cd2_ += n_ * E * cc
    torque_ = aa_ / inertia
    inertia_ = -torque_ * aa
    free_ = y4 - torque_ * h * cw
    geared_ = -y4 * aa - inertia_ * h * cw
    h_ = torque_ * (sw * bd2 - cw * free) - inertia_ * cw * geared
    sw_ = torque_ * h * bd2
    cw_ = -torque_ * h * free - inertia_ * h * geared
    bd2_ = torque_ * h * sw
    sa_ += torque_ * G * (MA * L - mass * C)
    mass_ = inertia_ * C * C - torque_ * G * sa * C
    f_ = -free_ / own
    own_ = -(free_ * free + geared_ * geared) / own
    h_ += f_ * sw * ad2 + geared_ * cw / own
    sw_ += f_ * h * ad2
    cw_ += geared_ * h / own
    ad2_ += f_ * h * sw
    mass_ += f_ * G * D * sb + own_ * D * D + h_ * C * D
    sb_ = f_ * mass * G * D
    p_ = torque_ * arm + inertia_ * B * ss
    swing_ = torque_ * p
    ss_ += inertia_ * p * B
    if hanging:
        cc_ -= torque_ * p * G
        ss_ += p_ * MP * B
    else:
        ss_ += p_ * MP * B / (sc * sc)
        sc_ -= 2 * p_ * p / sc
    cd2_ += swing_ * E
    cs_ += swing_ * B * ad2
    ad2_ += swing_ * B * cs
    sc_ += ss_ * ca + cs_ * sa
    cc_ += cs_ * ca - ss_ * sa
    sa_ += cs_ * sc - ss_ * cc
    ca_ += ss_ * sc + cs_ * cc
    sb_ += sw_ * ca + cw_ * sa
    cb_ = cw_ * ca - sw_ * sa
    sa_ += cw_ * sb - sw_ * cb
    ca_ += sw_ * sb + cw_ * cb
    return (sa_ * ca - ca_ * sa, sb_ * cb - cb_ * sb, sc_ * cc - cc_ * sc,
            y0 + 2 * ad * ad2_, y1 + 2 * bd * bd2_, y2 + 2 * cd * cd2_, mass_)


@fast
def keep(kept, k, t, accelerations):
    """Store sines, cosines and accelerations."""
    kept[k], kept[k + 1], kept[k + 2], kept[k + 3], kept[k + 4], kept[k + 5] = t
    kept[k + 6], kept[k + 7], kept[k + 8] = accelerations
    return accelerations


@fast
def kept_at(kept, k):
    """The sines and cosines, and the accelerations, that were stored."""
    return ((kept[k], kept[k + 1], kept[k + 2], kept[k + 3], kept[k + 4], kept[k + 5]),
            kept[k + 6], kept[k + 7], kept[k + 8])


@fast
def step(hanging, x, mass, h, kept):
    """A step of RK4; `kept` gets the sines and cosines of its four stages, and the accelerations."""
    a, b, c, ad, bd, cd = x
    g = 0.5 * h
    t = trig(a, b, c)
    p1, q1, r1 = keep(kept, 0, t, rates(hanging, t, ad, bd, cd, mass))
    ad2, bd2, cd2 = ad + g * p1, bd + g * q1, cd + g * r1
    t = trig(a + g * ad, b + g * bd, c + g * cd)
    p2, q2, r2 = keep(kept, 9, t, rates(hanging, t, ad2, bd2, cd2, mass))
    ad3, bd3, cd3 = ad + g * p2, bd + g * q2, cd + g * r2
    t = trig(a + g * ad2, b + g * bd2, c + g * cd2)
    p3, q3, r3 = keep(kept, 18, t, rates(hanging, t, ad3, bd3, cd3, mass))
    ad4, bd4, cd4 = ad + h * p3, bd + h * q3, cd + h * r3
    t = trig(a + h * ad3, b + h * bd3, c + h * cd3)
    p4, q4, r4 = keep(kept, 27, t, rates(hanging, t, ad4, bd4, cd4, mass))
    s = h / 6
    return (a + s * (ad + 2 * (ad2 + ad3) + ad4), b + s * (bd + 2 * (bd2 + bd3) + bd4),
            c + s * (cd + 2 * (cd2 + cd3) + cd4), ad + s * (p1 + 2 * (p2 + p3) + p4),
            bd + s * (q1 + 2 * (q2 + q3) + q4), cd + s * (r1 + 2 * (r2 + r3) + r4))


@fast
def plus(x, s, y):
    """x + s y."""
    return (x[0] + s * y[0], x[1] + s * y[1], x[2] + s * y[2],
            x[3] + s * y[3], x[4] + s * y[4], x[5] + s * y[5])


@fast
def times(x, y):
    """The product of two vectors of six."""
    return x[0] * y[0] + x[1] * y[1] + x[2] * y[2] + x[3] * y[3] + x[4] * y[4] + x[5] * y[5]


@fast
def step_back(hanging, x, mass, h, kept, y_):
    """Cotangents of the state, the mass and the length of a step."""
    ad, bd, cd = x[3], x[4], x[5]
    g = 0.5 * h
    (t1, p1, q1, r1), (t2, p2, q2, r2) = kept_at(kept, 0), kept_at(kept, 9)
    (t3, p3, q3, r3), (t4, p4, q4, r4) = kept_at(kept, 18), kept_at(kept, 27)
    ad2, bd2, cd2 = ad + g * p1, bd + g * q1, cd + g * r1
    ad3, bd3, cd3 = ad + g * p2, bd + g * q2, cd + g * r2
    ad4, bd4, cd4 = ad + h * p3, bd + h * q3, cd + h * r3

    zero = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    k_ = plus(zero, h / 6, y_)
    a, b, c, d, e, f, m4 = rates_back(hanging, t4, ad4, bd4, cd4, mass, p4, r4, *k_)
    x4_ = (a, b, c, d, e, f)
    k_ = plus(plus(zero, h / 3, y_), h, x4_)
    a, b, c, d, e, f, m3 = rates_back(hanging, t3, ad3, bd3, cd3, mass, p3, r3, *k_)
    x3_ = (a, b, c, d, e, f)
    k_ = plus(plus(zero, h / 3, y_), g, x3_)
    a, b, c, d, e, f, m2 = rates_back(hanging, t2, ad2, bd2, cd2, mass, p2, r2, *k_)
    x2_ = (a, b, c, d, e, f)
    k_ = plus(plus(zero, h / 6, y_), g, x2_)
    a, b, c, d, e, f, m1 = rates_back(hanging, t1, ad, bd, cd, mass, p1, r1, *k_)
    x1_ = (a, b, c, d, e, f)
    x_ = plus(plus(plus(plus(y_, 1.0, x4_), 1.0, x3_), 1.0, x2_), 1.0, x1_)
    k1, k2, k3 = (ad, bd, cd, p1, q1, r1), (ad2, bd2, cd2, p2, q2, r2), (ad3, bd3, cd3, p3, q3, r3)
    k4 = (ad4, bd4, cd4, p4, q4, r4)
    h_ = (times(y_, k1) + 2 * (times(y_, k2) + times(y_, k3)) + times(y_, k4)) / 6 \
        + times(x4_, k3) + 0.5 * (times(x3_, k2) + times(x2_, k1))
    return x_, m1 + m2 + m3 + m4, h_


# ---------------------------------------------------------------------------- the events

@fast
def ball_of(x):
    """Position and velocity of the projectile in the sling."""
    sa, ca, sc, cc = math.sin(x[0]), math.cos(x[0]), math.sin(x[2]), math.cos(x[2])
    return (-B * sa - E * sc, B * ca + E * cc, -B * ca * x[3] - E * cc * x[5], -B * sa * x[3] - E * sc * x[5])


@fast
def ball_back(x, px_, py_, vx_, vy_):
    """Cotangent of the machine's state."""
    sa, ca, sc, cc = math.sin(x[0]), math.cos(x[0]), math.sin(x[2]), math.cos(x[2])
    a_ = -px_ * B * ca - py_ * B * sa + vx_ * B * sa * x[3] - vy_ * B * ca * x[3]
    c_ = -px_ * E * cc - py_ * E * sc + vx_ * E * sc * x[5] - vy_ * E * cc * x[5]
    return (a_, 0.0, c_, -vx_ * B * ca - vy_ * B * sa, 0.0, -vx_ * E * cc - vy_ * E * sc)


@fast
def height(hanging, x, mass, angle):
    """What falls to zero at the end of the stage."""
    if hanging:
        _, _, vx, vy = ball_of(x)
        return vy * math.cos(angle) - vx * math.sin(angle)
    t = trig(x[0], x[1], x[2])
    sa, ca, _, _, sc, cc = t
    aa, _, _ = rates(False, t, x[3], x[4], x[5], mass)
    ss, cs = sc * ca - cc * sa, cc * ca + sc * sa
    tension = E * x[5] * x[5] + B * cs * x[3] * x[3] - B * ss * aa
    return G + tension / (sc * sc) * cc


@fast
def height_back(hanging, x, mass, angle):
    """Its derivatives by the state, the mass and the angle."""
    if hanging:
        _, _, vx, vy = ball_of(x)
        return (ball_back(x, 0.0, 0.0, -math.sin(angle), math.cos(angle)), 0.0,
                -vy * math.sin(angle) - vx * math.cos(angle))
    t = trig(x[0], x[1], x[2])
    sa, ca, _, _, sc, cc = t
    aa, _, ac = rates(False, t, x[3], x[4], x[5], mass)
    ss, cs = sc * ca - cc * sa, cc * ca + sc * sa
    ad2, cd2 = x[3] * x[3], x[5] * x[5]
    tension = E * cd2 + B * cs * ad2 - B * ss * aa
    t_ = cc / (sc * sc)
    cc_ = tension / (sc * sc) + t_ * B * ad2 * ca + t_ * B * aa * sa
    sc_ = -2 * tension * cc / (sc * sc * sc) + t_ * B * ad2 * sa - t_ * B * aa * ca
    ca_ = t_ * B * ad2 * cc - t_ * B * aa * sc
    sa_ = t_ * B * ad2 * sc + t_ * B * aa * cc
    a, b, c, d, e, f, mass_ = rates_back(False, t, x[3], x[4], x[5], mass, aa, ac,
                                         0.0, 0.0, 0.0, -t_ * B * ss, 0.0, 0.0)
    return ((a + sa_ * ca - ca_ * sa, b, c + sc_ * cc - cc_ * sc, d + 2 * x[3] * t_ * B * cs, e,
             f + 2 * x[5] * t_ * E), mass_, 0.0)


@fast
def stage(hanging, x, mass, angle, dt, states, kept):
    """Steps to the event: the state there, how many steps were whole, the last one's length."""
    n, now = 0, height(hanging, x, mass, angle)
    while True:
        for k in range(6):
            states[n, k] = x[k]
        y = step(hanging, x, mass, dt, kept[n])
        then = height(hanging, y, mass, angle)
        if then <= 0 < now:
            break
        x, now, n = y, then, n + 1
    above, high, below, low, tries = 0.0, now, dt, then, 0
    while above != below:
        h = guess(above, high, below, low, tries)
        y = step(hanging, x, mass, h, kept[n])
        above, high, below, low, tries = narrowed(above, high, below, low, tries, h,
                                                  height(hanging, y, mass, angle))
    return step(hanging, x, mass, below, kept[n]), n, below


@fast
def stage_back(hanging, y, y_, mass, angle, dt, n, last, states, kept):
    """Cotangents of the state at the start, the mass and the angle."""
    slope, mass_, angle_ = height_back(hanging, y, mass, angle)
    x = (states[n, 0], states[n, 1], states[n, 2], states[n, 3], states[n, 4], states[n, 5])
    a_, a_mass, a_h = step_back(hanging, x, mass, last, kept[n], y_)
    b_, b_mass, b_h = step_back(hanging, x, mass, last, kept[n], slope)
    s = -a_h / b_h
    x_, mass_, angle_ = plus(a_, s, b_), a_mass + s * (b_mass + mass_), s * angle_
    for k in range(n - 1, -1, -1):
        x = (states[k, 0], states[k, 1], states[k, 2], states[k, 3], states[k, 4], states[k, 5])
        x_, m, _ = step_back(hanging, x, mass, dt, kept[k], x_)
        mass_ += m
    return x_, mass_, angle_


# ---------------------------------------------------------------------------- the flight

@fast
def drag(u, v):
    """The accelerations -s u and -s v - g, and s."""
    s = K * math.sqrt(u * u + v * v)
    return -s * u, -s * v - G, s


@fast
def fly(x, wind, h, kept):
    """A step of RK4 in flight: position and velocity; `kept` gets what the way back needs."""
    px, py, vx, v = x
    u, g = vx - wind, h / 6
    p1, q1, kept[4] = drag(u, v)
    u2, v2 = u + 0.5 * h * p1, v + 0.5 * h * q1
    p2, q2, kept[5] = drag(u2, v2)
    u3, v3 = u + 0.5 * h * p2, v + 0.5 * h * q2
    p3, q3, kept[6] = drag(u3, v3)
    u4, v4 = u + h * p3, v + h * q3
    p4, q4, kept[7] = drag(u4, v4)
    kept[0], kept[1], kept[2], kept[3] = x
    kept[8], kept[9], kept[10], kept[11], kept[12], kept[13] = u2, v2, u3, v3, u4, v4
    return (px + h * wind + g * (u + 2 * (u2 + u3) + u4), py + g * (v + 2 * (v2 + v3) + v4),
            vx + g * (p1 + 2 * (p2 + p3) + p4), v + g * (q1 + 2 * (q2 + q3) + q4))


@fast
def drag_back(u, v, s, p_, q_):
    """Cotangents of u and v."""
    s_ = -(p_ * u + q_ * v) * (K * K) / s
    return -p_ * s + s_ * u, -q_ * s + s_ * v


@fast
def fly_back(kept, wind, h, y_):
    """Cotangents of the state, the wind and the length of a step in flight."""
    u, v, g = kept[2] - wind, kept[3], h / 6
    s1, s2, s3, s4, u2, v2, u3, v3, u4, v4 = (
        kept[4], kept[5], kept[6], kept[7], kept[8], kept[9], kept[10], kept[11], kept[12], kept[13])
    p1, q1, p2, q2 = -s1 * u, -s1 * v - G, -s2 * u2, -s2 * v2 - G
    p3, q3, p4, q4 = -s3 * u3, -s3 * v3 - G, -s4 * u4, -s4 * v4 - G
    x_, y__, a_, b_ = y_
    d, e = drag_back(u4, v4, s4, g * a_, g * b_)
    u4_, v4_ = g * x_ + d, g * y__ + e
    d, e = drag_back(u3, v3, s3, 2 * g * a_ + h * u4_, 2 * g * b_ + h * v4_)
    u3_, v3_ = 2 * g * x_ + d, 2 * g * y__ + e
    d, e = drag_back(u2, v2, s2, 2 * g * a_ + 0.5 * h * u3_, 2 * g * b_ + 0.5 * h * v3_)
    u2_, v2_ = 2 * g * x_ + d, 2 * g * y__ + e
    d, e = drag_back(u, v, s1, g * a_ + 0.5 * h * u2_, g * b_ + 0.5 * h * v2_)
    u_, v_ = g * x_ + d + u2_ + u3_ + u4_, g * y__ + e + v2_ + v3_ + v4_
    h_ = (x_ * (wind + (u + 2 * (u2 + u3) + u4) / 6) + y__ * (v + 2 * (v2 + v3) + v4) / 6
          + a_ * (p1 + 2 * (p2 + p3) + p4) / 6 + b_ * (q1 + 2 * (q2 + q3) + q4) / 6
          + u4_ * p3 + v4_ * q3 + 0.5 * (u3_ * p2 + v3_ * q2 + u2_ * p1 + v2_ * q1))
    return (x_, y__, a_ + u_, b_ + v_), x_ * h - u_, h_


# ---------------------------------------------------------------------------- the whole

@fast
def throw(wind, angle, weight, dt, backwards):
    """The distance and, if asked for, its derivatives by wind, angle and weight."""
    mass, angle = POUND * weight, angle * math.pi / 180
    states1, kept1 = np.empty((1000, 6)), np.empty((1000, 36))
    states2, kept2 = np.empty((1000, 6)), np.empty((1000, 36))
    lifted, n1, h1 = stage(False, START, mass, angle, dt, states1, kept1)
    released, n2, h2 = stage(True, lifted, mass, angle, dt, states2, kept2)
    path = np.empty((8000, 14))
    x, n = ball_of(released), 0
    while True:
        y = fly(x, wind, dt, path[n])
        if y[1] + A0 <= 0 < x[1] + A0:
            break
        x, n = y, n + 1
    above, high, below, low, tries = 0.0, x[1] + A0, dt, y[1] + A0, 0
    while above != below:
        h = guess(above, high, below, low, tries)
        y = fly(x, wind, h, path[n])
        above, high, below, low, tries = narrowed(above, high, below, low, tries, h, y[1] + A0)
    landed = fly(x, wind, below, path[n])
    if not backwards:
        return landed[0], 0.0, 0.0, 0.0
    x_, wind_, h_ = fly_back(path[n], wind, below, (1.0, 0.0, 0.0, 0.0))
    slope, slope_wind, slope_h = fly_back(path[n], wind, below, (0.0, 1.0, 0.0, 0.0))
    s = -h_ / slope_h
    x_ = (x_[0] + s * slope[0], x_[1] + s * slope[1], x_[2] + s * slope[2], x_[3] + s * slope[3])
    wind_ += s * slope_wind
    for k in range(n - 1, -1, -1):
        x_, w, _ = fly_back(path[k], wind, dt, x_)
        wind_ += w
    y_ = ball_back(released, x_[0], x_[1], x_[2], x_[3])
    y_, mass2, angle2 = stage_back(True, released, y_, mass, angle, dt, n2, h2, states2, kept2)
    y_, mass1, _ = stage_back(False, lifted, y_, mass, angle, dt, n1, h1, states1, kept1)
    return landed[0], wind_, angle2 * math.pi / 180, (mass1 + mass2) * POUND
