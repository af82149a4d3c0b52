// SPDX-License-Identifier: GPL-2.0-only
/*
 * Just enough to make an SSH host key: SHA-512 of one block, and one multiplication of the base
 * point. On an emulated machine, starting a program for it takes a tenth of a second, this a
 * few milliseconds. Its timing is not constant: nobody is there to measure it.
 */
#include "ssh/ed25519.h"

#include <stdint.h>
#include <string.h>

/* ---- SHA-512 (FIPS 180-4) of 32 bytes ---- */

static const uint64_t k512[80] = {
	0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
	0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
	0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
	0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
	0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
	0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
	0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
	0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
	0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
	0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
	0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
	0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
	0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
	0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
	0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
	0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
	0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
	0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
	0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
	0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

static uint64_t sha512_rotate(uint64_t x, int n)
{
	return x >> n | x << (64 - n);
}

static void sha512_of_32(const unsigned char in[32], unsigned char out[64])
{
	uint64_t w[80] = { 0 }, s[8], h[8] = {
		0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
		0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
	};

	for (int i = 0; i < 32; i++)
		w[i / 8] = w[i / 8] << 8 | in[i];
	w[4] = 1ull << 63;
	w[15] = 32 * 8;
	for (int i = 16; i < 80; i++)
		w[i] = w[i - 16] + w[i - 7] +
		       (sha512_rotate(w[i - 15], 1) ^ sha512_rotate(w[i - 15], 8) ^
			w[i - 15] >> 7) +
		       (sha512_rotate(w[i - 2], 19) ^ sha512_rotate(w[i - 2], 61) ^ w[i - 2] >> 6);
	memcpy(s, h, sizeof(s));
	for (int i = 0; i < 80; i++) {
		uint64_t a = s[7] +
			     (sha512_rotate(s[4], 14) ^ sha512_rotate(s[4], 18) ^
			      sha512_rotate(s[4], 41)) +
			     ((s[4] & s[5]) ^ (~s[4] & s[6])) + k512[i] + w[i];
		uint64_t b = (sha512_rotate(s[0], 28) ^ sha512_rotate(s[0], 34) ^
			      sha512_rotate(s[0], 39)) +
			     ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));

		memmove(s + 1, s, 7 * sizeof(s[0]));
		s[4] += a;
		s[0] = a + b;
	}
	for (int i = 0; i < 64; i++)
		out[i] = (unsigned char)((h[i / 8] + s[i / 8]) >> (56 - i % 8 * 8));
}

/* ---- numbers modulo 2^255-19, five limbs of 51 bits ---- */

#define LIMB ((1ull << 51) - 1)

typedef uint64_t number[5];

static void field_carry(number a)
{
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 4; i++) {
			a[i + 1] += a[i] >> 51;
			a[i] &= LIMB;
		}
		a[0] += 19 * (a[4] >> 51);
		a[4] &= LIMB;
	}
}

static void field_add(number to, const number a, const number b)
{
	for (int i = 0; i < 5; i++)
		to[i] = a[i] + b[i];
	field_carry(to);
}

static void field_subtract(number to, const number a, const number b)
{
	/* 4p keeps every limb above zero */
	for (int i = 0; i < 5; i++)
		to[i] = a[i] + 4 * (i ? LIMB : LIMB - 18) - b[i];
	field_carry(to);
}

static void field_multiply(number to, const number a, const number b)
{
	__uint128_t r[5], c = 0;

	for (int i = 0; i < 5; i++) {
		r[i] = 0;
		for (int j = 0; j < 5; j++)
			r[i] += (__uint128_t)a[j] * (j <= i ? b[i - j] : 19 * b[i + 5 - j]);
	}
	for (int i = 0; i < 5; i++) {
		r[i] += c;
		to[i] = (uint64_t)r[i] & LIMB;
		c = r[i] >> 51;
	}
	to[0] += 19 * (uint64_t)c;
	field_carry(to);
}

/* a^(p-2); p-2 = 2^255-21, all ones but bits 2 and 4. */
static void field_invert(number to, const number a)
{
	number r = { 1 };

	for (int bit = 254; bit >= 0; bit--) {
		field_multiply(r, r, r);
		if (bit != 2 && bit != 4)
			field_multiply(r, r, a);
	}
	memcpy(to, r, sizeof(r));
}

static void field_pack(unsigned char to[32], const number from)
{
	number a;
	uint64_t q;

	memcpy(a, from, sizeof(a));
	field_carry(a);
	/* q: does a + 19 reach 2^255, that is, is a at least p? */
	q = (a[0] + 19) >> 51;
	for (int i = 1; i < 5; i++)
		q = (a[i] + q) >> 51;
	a[0] += 19 * q;
	for (int i = 0; i < 4; i++) {
		a[i + 1] += a[i] >> 51;
		a[i] &= LIMB;
	}
	a[4] &= LIMB;
	memset(to, 0, 32);
	for (int bit = 0; bit < 255; bit++)
		to[bit / 8] |= (unsigned char)((a[bit / 51] >> (bit % 51) & 1) << (bit % 8));
}

/* ---- points: x = X/Z, y = Y/Z, T = XY/Z ---- */

struct point {
	number x, y, z, t;
};

static const number twice_d = { 0x69b9426b2f159, 0x35050762add7a, 0x3cf44c0038052, 0x6738cc7407977,
				0x2406d9dc56dff };
static const struct point base = {
	{ 0x62d608f25d51a, 0x412a4b4f6592a, 0x75b7171a4b31d, 0x1ff60527118fe, 0x216936d3cd6e5 },
	{ 0x6666666666658, 0x4cccccccccccc, 0x1999999999999, 0x3333333333333, 0x6666666666666 },
	{ 1 },
	{ 0x68ab3a5b7dda3, 0xeea2a5eadbb, 0x2af8df483c27e, 0x332b375274732, 0x67875f0fd78b7 },
};

/* The complete addition of RFC 8032, 5.1.4: also right for a point and itself. */
static void point_add(struct point *to, const struct point *p, const struct point *q)
{
	number a, b, c, d, e, f, g, h;

	field_subtract(a, p->y, p->x);
	field_subtract(e, q->y, q->x);
	field_multiply(a, a, e);
	field_add(b, p->y, p->x);
	field_add(e, q->y, q->x);
	field_multiply(b, b, e);
	field_multiply(c, p->t, twice_d);
	field_multiply(c, c, q->t);
	field_multiply(d, p->z, q->z);
	field_add(d, d, d);
	field_subtract(e, b, a);
	field_subtract(f, d, c);
	field_add(g, d, c);
	field_add(h, b, a);
	field_multiply(to->x, e, f);
	field_multiply(to->y, g, h);
	field_multiply(to->t, e, h);
	field_multiply(to->z, f, g);
}

/**
 * ed25519_public() - Compute the public key of a secret (RFC 8032).
 * @secret: 32 random bytes
 * @public: where the public key goes
 */
void ed25519_public(const unsigned char secret[32], unsigned char public[32])
{
	struct point r = { { 0 }, { 1 }, { 1 }, { 0 } };
	unsigned char scalar[64], x[32];
	number inverse, coordinate;

	sha512_of_32(secret, scalar);
	scalar[0] &= 248;
	scalar[31] = (scalar[31] & 127) | 64;
	for (int bit = 254; bit >= 0; bit--) {
		point_add(&r, &r, &r);
		if (scalar[bit / 8] >> (bit % 8) & 1)
			point_add(&r, &r, &base);
	}
	field_invert(inverse, r.z);
	field_multiply(coordinate, r.x, inverse);
	field_pack(x, coordinate);
	field_multiply(coordinate, r.y, inverse);
	field_pack(public, coordinate);
	public[31] |= (unsigned char)((x[0] & 1) << 7);
}
