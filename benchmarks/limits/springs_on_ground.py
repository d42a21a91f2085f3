"""Masses and springs: all that drives the springs is computed before the loop, in vectors; then plain numbers.

A step keeps its springs' directions, lengths and forces and its masses' contacts; on the way back there is
neither a root nor a quotient.
"""

import math

import numpy as np

from ..registers import fast, sin_and_cos
from ..zoo.springs_on_ground import (
    DAMPING,
    DT,
    FRICTION,
    GRAVITY,
    GROUND,
    GROUND_DAMPING,
    MASS,
    SLIP,
    SPRINGS,
    STEPS,
    STIFFNESS,
)

CORNERS = ((0.0, 0.05), (0.4, 0.05), (0.4, 0.35), (0.0, 0.35))
REST = np.array([math.hypot(CORNERS[a][0] - CORNERS[b][0], CORNERS[a][1] - CORNERS[b][1]) for a, b in SPRINGS])
KICK = DT / MASS


@fast
def spring(kept, s, ax, ay, au, av, bx, by, bu, bv, wanted):
    """The force on the first mass, which the second has with the other sign."""
    x, y, u, v = bx - ax, by - ay, bu - au, bv - av
    square = x * x + y * y
    inverse = 1.0 / math.sqrt(square)
    length, p, q = square * inverse, x * inverse, y * inverse
    closing = u * p + v * q
    force = STIFFNESS * (length - wanted) + DAMPING * closing
    kept[0, s], kept[1, s], kept[2, s], kept[3, s], kept[4, s], kept[5, s] = p, q, inverse, force, u, v
    return force * p, force * q


@fast
def spring_pulled(kept, s, gx, gy):
    """From the cotangent of that force: of the differences of places and of velocities, and of `wanted`."""
    p, q, inverse, force, u, v = kept[0, s], kept[1, s], kept[2, s], kept[3, s], kept[4, s], kept[5, s]
    force_ = gx * p + gy * q
    damped = DAMPING * force_
    p_, q_ = force * gx + damped * u, force * gy + damped * v
    along = STIFFNESS * force_ - inverse * (p_ * p + q_ * q)
    return inverse * p_ + along * p, inverse * q_ + along * q, damped * p, damped * q, -STIFFNESS * force_


@fast
def contact(kinds, i, y, u, v):
    """The force of the ground; which of its formulas holds goes to `kinds`."""
    rub = load = 0.0
    kinds[0, i] = kinds[1, i] = 0.0
    if y < 0.0:
        load = -GROUND * y - GROUND_DAMPING * v
        pushes = 1.0 if load > 0.0 else 0.0
        load, rub = max(load, 0.0), -SLIP * u
        sign = 1.0 if rub > 0.0 else -1.0 if rub < 0.0 else 0.0
        slips = abs(rub) > FRICTION * load
        rub = FRICTION * load * sign if slips else rub
        kinds[0, i] = 0.0 if slips else -SLIP
        kinds[1, i] = pushes
        kinds[2, i] = FRICTION * sign if slips else 0.0
    return rub, load


@fast
def contact_pulled(kinds, i, gx, gy):
    """From the cotangents of that force: of y, u and v."""
    if kinds[1, i] == 0.0:
        return 0.0, kinds[0, i] * gx, 0.0
    load_ = gy + kinds[2, i] * gx
    return -GROUND * load_, kinds[0, i] * gx, -GROUND_DAMPING * load_


@fast
def driven(phase, frequency, sines, cosines):
    """Sine and cosine of what drives each spring at each time."""
    for t in range(STEPS):
        for s in range(8):
            sines[t, s], cosines[t, s] = sin_and_cos(frequency * (DT * t) + phase[s])


@fast
def both(amplitude, phase, frequency):
    """The value, and the cotangents of all."""
    sines, cosines, phases = np.empty((STEPS, 8)), np.empty((STEPS, 8)), np.zeros(8)
    phases[:6] = phase
    driven(phases, frequency, sines, cosines)
    swing = REST * amplitude
    a, b, c, d, e, f = swing
    ra, rb, rc, rd, re, rf = REST
    kept, kinds = np.empty((STEPS, 6, 6)), np.zeros((STEPS, 3, 4))
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = CORNERS
    u0 = v0 = u1 = v1 = u2 = v2 = u3 = v3 = 0.0
    for t in range(STEPS):
        k, g, w = kept[t], kinds[t], sines[t]
        px, py = spring(k, 0, x0, y0, u0, v0, x1, y1, u1, v1, ra + a * w[0])
        qx, qy = spring(k, 1, x1, y1, u1, v1, x2, y2, u2, v2, rb + b * w[1])
        rx, ry = spring(k, 2, x2, y2, u2, v2, x3, y3, u3, v3, rc + c * w[2])
        sx, sy = spring(k, 3, x3, y3, u3, v3, x0, y0, u0, v0, rd + d * w[3])
        mx, my = spring(k, 4, x0, y0, u0, v0, x2, y2, u2, v2, re + e * w[4])
        nx, ny = spring(k, 5, x1, y1, u1, v1, x3, y3, u3, v3, rf + f * w[5])
        cx0, cy0 = contact(g, 0, y0, u0, v0)
        cx1, cy1 = contact(g, 1, y1, u1, v1)
        cx2, cy2 = contact(g, 2, y2, u2, v2)
        cx3, cy3 = contact(g, 3, y3, u3, v3)
        u0, v0 = u0 + KICK * ((cx0 + mx) + (px - sx)), v0 + (KICK * ((cy0 + my) + (py - sy)) - DT * GRAVITY)
        u1, v1 = u1 + KICK * ((cx1 + nx) + (qx - px)), v1 + (KICK * ((cy1 + ny) + (qy - py)) - DT * GRAVITY)
        u2, v2 = u2 + KICK * ((cx2 - mx) + (rx - qx)), v2 + (KICK * ((cy2 - my) + (ry - qy)) - DT * GRAVITY)
        u3, v3 = u3 + KICK * ((cx3 - nx) + (sx - rx)), v3 + (KICK * ((cy3 - ny) + (sy - ry)) - DT * GRAVITY)
        x0, y0, x1, y1 = x0 + DT * u0, y0 + DT * v0, x1 + DT * u1, y1 + DT * v1
        x2, y2, x3, y3 = x2 + DT * u2, y2 + DT * v2, x3 + DT * u3, y3 + DT * v3
    value = -0.25 * (x0 + x1 + x2 + x3)
    wanted_ = np.zeros((STEPS, 8))
    x0_ = x1_ = x2_ = x3_ = -0.25
    y0_ = y1_ = y2_ = y3_ = u0_ = u1_ = u2_ = u3_ = v0_ = v1_ = v2_ = v3_ = 0.0
    for t in range(STEPS - 1, -1, -1):
        k, g, w = kept[t], kinds[t], wanted_[t]
        u0_, v0_, u1_, v1_ = u0_ + DT * x0_, v0_ + DT * y0_, u1_ + DT * x1_, v1_ + DT * y1_
        u2_, v2_, u3_, v3_ = u2_ + DT * x2_, v2_ + DT * y2_, u3_ + DT * x3_, v3_ + DT * y3_
        fx0, fy0, fx1, fy1 = KICK * u0_, KICK * v0_, KICK * u1_, KICK * v1_
        fx2, fy2, fx3, fy3 = KICK * u2_, KICK * v2_, KICK * u3_, KICK * v3_
        pa, qa, ua, va, w[0] = spring_pulled(k, 0, fx0 - fx1, fy0 - fy1)
        pb, qb, ub, vb, w[1] = spring_pulled(k, 1, fx1 - fx2, fy1 - fy2)
        pc, qc, uc, vc, w[2] = spring_pulled(k, 2, fx2 - fx3, fy2 - fy3)
        pd, qd, ud, vd, w[3] = spring_pulled(k, 3, fx3 - fx0, fy3 - fy0)
        pe, qe, ue, ve, w[4] = spring_pulled(k, 4, fx0 - fx2, fy0 - fy2)
        pf, qf, uf, vf, w[5] = spring_pulled(k, 5, fx1 - fx3, fy1 - fy3)
        h0, i0, j0 = contact_pulled(g, 0, fx0, fy0)
        h1, i1, j1 = contact_pulled(g, 1, fx1, fy1)
        h2, i2, j2 = contact_pulled(g, 2, fx2, fy2)
        h3, i3, j3 = contact_pulled(g, 3, fx3, fy3)
        x0_, y0_ = x0_ + ((pd - pa) - pe), y0_ + ((qd - qa) + (h0 - qe))
        x1_, y1_ = x1_ + ((pa - pb) - pf), y1_ + ((qa - qb) + (h1 - qf))
        x2_, y2_ = x2_ + ((pb - pc) + pe), y2_ + ((qb - qc) + (h2 + qe))
        x3_, y3_ = x3_ + ((pc - pd) + pf), y3_ + ((qc - qd) + (h3 + qf))
        u0_, v0_ = u0_ + ((ud - ua) + (i0 - ue)), v0_ + ((vd - va) + (j0 - ve))
        u1_, v1_ = u1_ + ((ua - ub) + (i1 - uf)), v1_ + ((va - vb) + (j1 - vf))
        u2_, v2_ = u2_ + ((ub - uc) + (i2 + ue)), v2_ + ((vb - vc) + (j2 + ve))
        u3_, v3_ = u3_ + ((uc - ud) + (i3 + uf)), v3_ + ((vc - vd) + (j3 + vf))
    amplitude_, phase_, later = np.zeros(8), np.zeros(8), np.zeros(8)
    for t in range(STEPS):
        for s in range(8):
            turned = wanted_[t, s] * cosines[t, s]
            amplitude_[s] += wanted_[t, s] * sines[t, s]
            phase_[s] += turned
            later[s] += (DT * t) * turned
    frequency_ = 0.0
    for s in range(6):
        value += 0.1 * amplitude[s] * amplitude[s]
        amplitude_[s] = REST[s] * amplitude_[s] + 0.2 * amplitude[s]
        phase_[s] *= swing[s]
        frequency_ += later[s] * swing[s]
    return value, amplitude_[:6], phase_[:6], frequency_


def gradient(*args):
    """The value, and the cotangents of the arguments."""
    value, *cotangents = both(*args)
    return value, tuple(cotangents)
