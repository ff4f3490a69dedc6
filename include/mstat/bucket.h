/* SPDX-License-Identifier: MIT */
/* Buckets: exponential index <-> bound, and how the buckets of a family divide the line of numbers into cells.
 *
 * Exponential buckets are those of Prometheus' native histograms (and of OpenTelemetry's exponential ones, whose index
 * is one less): with schema n, bucket i holds (2^((i-1)/2^n), 2^(i/2^n)]. Sources: "Native Histograms" in the
 * Prometheus documentation; OpenTelemetry metrics data model, "ExponentialHistogram".
 *
 * Everything here is exact: bounds are the doubles nearest to 2^(i/2^n), made from a table of mantissas; indices are
 * found by comparing with them. No logarithm. Pure functions, safe in signal handlers. Not on the hot path: that one
 * uses tables made from these (record.h).
 */
#ifndef MSTAT_BUCKET_H
#define MSTAT_BUCKET_H

#include <stddef.h>
#include <stdint.h>

#include <mstat/segment.h>

#define MSTAT_SCHEMA_MIN (-4)
#define MSTAT_SCHEMA_MAX 8

/* The 52 stored bits of the mantissa of 2^(i/256), rounded to nearest. Schema n uses every 2^(8-n)th. */
static const uint64_t mstat_bucket_mantissas[256] = {
	/* clang-format off */
	0x0000000000000ull, 0x00b1afa5abcbfull, 0x0163da9fb3335ull, 0x02168143b0281ull, 0x02c9a3e778061ull,
	0x037d42e11bbccull, 0x04315e86e7f85ull, 0x04e5f72f654b1ull, 0x059b0d3158574ull, 0x0650a0e3c1f89ull,
	0x0706b29ddf6deull, 0x07bd42b72a836ull, 0x0874518759bc8ull, 0x092bdf66607e0ull, 0x09e3ecac6f383ull,
	0x0a9c79b1f3919ull, 0x0b5586cf9890full, 0x0c0f145e46c85ull, 0x0cc922b7247f7ull, 0x0d83b23395decull,
	0x0e3ec32d3d1a2ull, 0x0efa55fdfa9c5ull, 0x0fb66affed31bull, 0x1073028d7233eull, 0x11301d0125b51ull,
	0x11edbab5e2ab6ull, 0x12abdc06c31ccull, 0x136a814f204abull, 0x1429aaea92de0ull, 0x14e95934f312eull,
	0x15a98c8a58e51ull, 0x166a45471c3c2ull, 0x172b83c7d517bull, 0x17ed48695bbc0ull, 0x18af9388c8deaull,
	0x1972658375d2full, 0x1a35beb6fcb75ull, 0x1af99f8138a1cull, 0x1bbe084045cd4ull, 0x1c82f95281c6bull,
	0x1d4873168b9aaull, 0x1e0e75eb44027ull, 0x1ed5022fcd91dull, 0x1f9c18438ce4dull, 0x2063b88628cd6ull,
	0x212be3578a819ull, 0x21f49917ddc96ull, 0x22bdda27912d1ull, 0x2387a6e756238ull, 0x2451ffb82140aull,
	0x251ce4fb2a63full, 0x25e85711ece75ull, 0x26b4565e27cddull, 0x2780e341ddf29ull, 0x284dfe1f56381ull,
	0x291ba7591bb70ull, 0x29e9df51fdee1ull, 0x2ab8a66d10f13ull, 0x2b87fd0dad990ull, 0x2c57e39771b2full,
	0x2d285a6e4030bull, 0x2df961f641589ull, 0x2ecafa93e2f56ull, 0x2f9d24abd886bull, 0x306fe0a31b715ull,
	0x31432edeeb2fdull, 0x32170fc4cd831ull, 0x32eb83ba8ea32ull, 0x33c08b26416ffull, 0x3496266e3fa2dull,
	0x356c55f929ff1ull, 0x36431a2de883bull, 0x371a7373aa9cbull, 0x37f26231e754aull, 0x38cae6d05d866ull,
	0x39a401b7140efull, 0x3a7db34e59ff7ull, 0x3b57fbfec6cf4ull, 0x3c32dc313a8e5ull, 0x3d0e544ede173ull,
	0x3dea64c123422ull, 0x3ec70df1c5175ull, 0x3fa4504ac801cull, 0x40822c367a024ull, 0x4160a21f72e2aull,
	0x423fb2709468aull, 0x431f5d950a897ull, 0x43ffa3f84b9d4ull, 0x44e086061892dull, 0x45c2042a7d232ull,
	0x46a41ed1d0057ull, 0x4786d668b3237ull, 0x486a2b5c13cd0ull, 0x494e1e192aed2ull, 0x4a32af0d7d3deull,
	0x4b17dea6db7d7ull, 0x4bfdad5362a27ull, 0x4ce41b817c114ull, 0x4dcb299fddd0dull, 0x4eb2d81d8abffull,
	0x4f9b2769d2ca7ull, 0x508417f4531eeull, 0x516daa2cf6642ull, 0x5257de83f4eefull, 0x5342b569d4f82ull,
	0x542e2f4f6ad27ull, 0x551a4ca5d920full, 0x56070dde910d2ull, 0x56f4736b527daull, 0x57e27dbe2c4cfull,
	0x58d12d497c7fdull, 0x59c0827ff07ccull, 0x5ab07dd485429ull, 0x5ba11fba87a03ull, 0x5c9268a5946b7ull,
	0x5d84590998b93ull, 0x5e76f15ad2148ull, 0x5f6a320dceb71ull, 0x605e1b976dc09ull, 0x6152ae6cdf6f4ull,
	0x6247eb03a5585ull, 0x633dd1d1929fdull, 0x6434634ccc320ull, 0x652b9febc8fb7ull, 0x6623882552225ull,
	0x671c1c70833f6ull, 0x68155d44ca973ull, 0x690f4b19e9538ull, 0x6a09e667f3bcdull, 0x6b052fa75173eull,
	0x6c012750bdabfull, 0x6cfdcddd47645ull, 0x6dfb23c651a2full, 0x6ef9298593ae5ull, 0x6ff7df9519484ull,
	0x70f7466f42e87ull, 0x71f75e8ec5f74ull, 0x72f8286ead08aull, 0x73f9a48a58174ull, 0x74fbd35d7cbfdull,
	0x75feb564267c9ull, 0x77024b1ab6e09ull, 0x780694fde5d3full, 0x790b938ac1cf6ull, 0x7a11473eb0187ull,
	0x7b17b0976cfdbull, 0x7c1ed0130c132ull, 0x7d26a62ff86f0ull, 0x7e2f336cf4e62ull, 0x7f3878491c491ull,
	0x80427543e1a12ull, 0x814d2add106d9ull, 0x82589994cce13ull, 0x8364c1eb941f7ull, 0x8471a4623c7adull,
	0x857f4179f5b21ull, 0x868d99b4492edull, 0x879cad931a436ull, 0x88ac7d98a6699ull, 0x89bd0a478580full,
	0x8ace5422aa0dbull, 0x8be05bad61778ull, 0x8cf3216b5448cull, 0x8e06a5e0866d9ull, 0x8f1ae99157736ull,
	0x902fed0282c8aull, 0x9145b0b91ffc6ull, 0x925c353aa2fe2ull, 0x93737b0cdc5e5ull, 0x948b82b5f98e5ull,
	0x95a44cbc8520full, 0x96bdd9a7670b3ull, 0x97d829fde4e50ull, 0x98f33e47a22a2ull, 0x9a0f170ca07baull,
	0x9b2bb4d53fe0dull, 0x9c49182a3f090ull, 0x9d674194bb8d5ull, 0x9e86319e32323ull, 0x9fa5e8d07f29eull,
	0xa0c667b5de565ull, 0xa1e7aed8eb8bbull, 0xa309bec4a2d33ull, 0xa42c980460ad8ull, 0xa5503b23e255dull,
	0xa674a8af46052ull, 0xa799e1330b358ull, 0xa8bfe53c12e59ull, 0xa9e6b5579fdbfull, 0xab0e521356ebaull,
	0xac36bbfd3f37aull, 0xad5ff3a3c2774ull, 0xae89f995ad3adull, 0xafb4ce622f2ffull, 0xb0e07298db666ull,
	0xb20ce6c9a8952ull, 0xb33a2b84f15fbull, 0xb468415b749b1ull, 0xb59728de5593aull, 0xb6c6e29f1c52aull,
	0xb7f76f2fb5e47ull, 0xb928cf22749e4ull, 0xba5b030a1064aull, 0xbb8e0b79a6f1full, 0xbcc1e904bc1d2ull,
	0xbdf69c3f3a207ull, 0xbf2c25bd71e09ull, 0xc06286141b33dull, 0xc199bdd85529cull, 0xc2d1cd9fa652cull,
	0xc40ab5fffd07aull, 0xc544778fafb22ull, 0xc67f12e57d14bull, 0xc7ba88988c933ull, 0xc8f6d9406e7b5ull,
	0xca3405751c4dbull, 0xcb720dcef9069ull, 0xccb0f2e6d1675ull, 0xcdf0b555dc3faull, 0xcf3155b5bab74ull,
	0xd072d4a07897cull, 0xd1b532b08c968ull, 0xd2f87080d89f2ull, 0xd43c8eacaa1d6ull, 0xd5818dcfba487ull,
	0xd6c76e862e6d3ull, 0xd80e316c98398ull, 0xd955d71ff6075ull, 0xda9e603db3285ull, 0xdbe7cd63a8315ull,
	0xdd321f301b460ull, 0xde7d5641c0658ull, 0xdfc97337b9b5full, 0xe11676b197d17ull, 0xe264614f5a129ull,
	0xe3b333b16ee12ull, 0xe502ee78b3ff6ull, 0xe653924676d76ull, 0xe7a51fbc74c83ull, 0xe8f7977cdb740ull,
	0xea4afa2a490daull, 0xeb9f4867cca6eull, 0xecf482d8e67f1ull, 0xee4aaa2188510ull, 0xefa1bee615a27ull,
	0xf0f9c1cb6412aull, 0xf252b376bba97ull, 0xf3ac948dd7274ull, 0xf50765b6e4540ull, 0xf6632798844f8ull,
	0xf7bfdad9cbe14ull, 0xf91d802243c89ull, 0xfa7c1819e90d8ull, 0xfbdba3692d514ull, 0xfd3c22b8f71f1ull,
	0xfe9d96b2a23d9ull,
	/* clang-format on */
};

static inline uint64_t mstat_f64_bits(double value)
{
	uint64_t bits;
	__builtin_memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static inline double mstat_f64_of_bits(uint64_t bits)
{
	double value;
	__builtin_memcpy(&value, &bits, sizeof(value));
	return value;
}

/* 2^exponent times a mantissa; +Inf above the range of doubles, correctly rounded below it. */
static inline double mstat_bucket_compose(uint64_t mantissa, int64_t exponent)
{
	if (exponent > 1023)
		return __builtin_inf();
	if (exponent >= -1022)
		return mstat_f64_of_bits((uint64_t)(exponent + 1023) << 52 | mantissa);
	if (exponent < -1075)
		return 0;
	/* The one rounding of a subnormal result: 2^(exponent + 100) and 2^-100 are both normal. */
	return mstat_f64_of_bits((uint64_t)(exponent + 100 + 1023) << 52 | mantissa) * 0x1p-100;
}

/* The upper bound of bucket `index`. */
static inline double mstat_bucket_bound(int32_t schema, int32_t index)
{
	if (schema <= 0)
		return mstat_bucket_compose(0, (int64_t)index * (1 << -schema));
	return mstat_bucket_compose(mstat_bucket_mantissas[(uint32_t)(index & ((1 << schema) - 1)) << (8 - schema)],
				    index >> schema);
}

/* The index of the bucket of a positive finite value. */
static inline int32_t mstat_bucket_index(int32_t schema, double value)
{
	uint64_t bits = mstat_f64_bits(value), mantissa = bits & ((1ull << 52) - 1);
	int32_t exponent = (int32_t)(bits >> 52) - 1023;
	if (exponent == -1023) { /* subnormal */
		int shift = __builtin_clzll(mantissa) - 11;
		mantissa = mantissa << shift & ((1ull << 52) - 1);
		exponent = -1022 - shift;
	}
	if (schema <= 0)
		return (exponent + (mantissa != 0) + (1 << -schema) - 1) >> -schema;
	uint32_t low = 0, high = 1u << schema;
	while (low < high) { /* the first bound that is not less */
		uint32_t middle = (low + high) / 2;
		if (mstat_bucket_mantissas[middle << (8 - schema)] < mantissa)
			low = middle + 1;
		else
			high = middle;
	}
	return (int32_t)((uint32_t)exponent * (1u << schema) + low);
}

/* The double just below. */
static inline double mstat_f64_before(double value)
{
	uint64_t bits = mstat_f64_bits(value);
	if (value == 0)
		return -0x0.0000000000001p-1022;
	return mstat_f64_of_bits(value > 0 ? bits - 1 : bits + 1);
}

/* The greatest recorded integer whose value is not above a bound: floor(upper / scale), where a quotient within a few
 * rounding errors of an integer is that integer (0.005 s at 1e-9 is 5,000,000 ns). */
static inline int64_t mstat_bucket_scaled(double upper, double scale)
{
	double quotient = upper / scale;
	if (!(quotient < 0x1p62))
		return INT64_MAX;
	if (quotient < 0)
		return -1;
	int64_t nearest = (int64_t)(quotient + 0.5);
	double distance = quotient - (double)nearest;
	if ((distance < 0 ? -distance : distance) <= quotient * 0x1p-50)
		return nearest;
	return (int64_t)quotient;
}

/* How many cuts exponential buckets make: their bounds, and the mirrored ones. */
static inline uint32_t mstat_partition_cuts(const struct mstat_shm_buckets *buckets)
{
	if (!(buckets->flags & MSTAT_SHM_BUCKETS_EXPONENTIAL))
		return 0;
	return buckets->flags & MSTAT_SHM_BUCKETS_NEGATIVE ? 2 * (buckets->count + 1) : buckets->count + 1;
}

/* Whether a BUCKETS record is one; `bytes` is what may be read at it. */
static inline int mstat_buckets_valid(const struct mstat_shm_buckets *buckets, uint64_t bytes, uint8_t value)
{
	const uint32_t known = MSTAT_SHM_BUCKETS_EXPLICIT | MSTAT_SHM_BUCKETS_EXPONENTIAL | MSTAT_SHM_BUCKETS_NEGATIVE;
	if (bytes < sizeof(*buckets) || buckets->record.kind != MSTAT_SHM_RECORD_BUCKETS || (buckets->flags & ~known) ||
	    !(buckets->flags & (MSTAT_SHM_BUCKETS_EXPLICIT | MSTAT_SHM_BUCKETS_EXPONENTIAL)) ||
	    buckets->bound_count > MSTAT_SHM_BUCKETS_MAX || buckets->count > MSTAT_SHM_BUCKETS_MAX ||
	    buckets->bound_count + mstat_partition_cuts(buckets) > MSTAT_SHM_BUCKETS_MAX ||
	    (bytes - sizeof(*buckets)) / sizeof(double) < buckets->bound_count ||
	    !(buckets->scale >= 1e-18 && buckets->scale <= 1e18))
		return 0;
	for (uint32_t i = 0; i < buckets->bound_count; i++) {
		double bound = buckets->bounds[i];
		if (!(bound >= -__DBL_MAX__ && bound <= __DBL_MAX__) || (i && !(buckets->bounds[i - 1] < bound)))
			return 0;
		if (bound < 0 && !(buckets->flags & MSTAT_SHM_BUCKETS_NEGATIVE))
			return 0;
	}
	if (value != MSTAT_SHM_F64 && (buckets->flags & MSTAT_SHM_BUCKETS_NEGATIVE))
		return 0;
	if (!(buckets->flags & MSTAT_SHM_BUCKETS_EXPONENTIAL))
		return !buckets->count;
	if (buckets->schema < MSTAT_SCHEMA_MIN || buckets->schema > MSTAT_SCHEMA_MAX || !buckets->count ||
	    buckets->first < -(1 << 20) || buckets->first > (1 << 20))
		return 0;
	double lowest = mstat_bucket_bound(buckets->schema, buckets->first - 1);
	double highest = mstat_bucket_bound(buckets->schema, buckets->first + (int32_t)buckets->count - 1);
	return lowest > 0 && highest <= __DBL_MAX__;
}

/* ---- the partition ----
 *
 * The cells of a family are the coarsest division of the numbers from which all its buckets can be put together:
 * uppers[0] < uppers[1] < ... < uppers[n-1], cell i holds (uppers[i-1], uppers[i]], cell n what is greater. Negative
 * exponential buckets, which hold their bound of greater magnitude and not the other, are cut at the double before. The
 * zero bucket [-t, t] reaches to the lower bound t of the first exponential one. Of scaled families, cells that no
 * integer falls into are left out.
 */
#define MSTAT_PARTITION_MAX (MSTAT_SHM_BUCKETS_MAX + 1u)

/* The k-th of the exponential cuts in ascending order, of `mstat_partition_cuts()` many. */
static inline double mstat_partition_cut(const struct mstat_shm_buckets *buckets, uint32_t k)
{
	int32_t last = buckets->first + (int32_t)buckets->count - 1;
	if (!(buckets->flags & MSTAT_SHM_BUCKETS_NEGATIVE))
		return mstat_bucket_bound(buckets->schema, buckets->first - 1 + (int32_t)k);
	if (k <= buckets->count)
		return mstat_f64_before(-mstat_bucket_bound(buckets->schema, last - (int32_t)k));
	return mstat_bucket_bound(buckets->schema, buckets->first - 1 + (int32_t)(k - buckets->count - 1));
}

/* Fills uppers (MSTAT_SHM_BUCKETS_MAX doubles) of a valid record and returns n: there are n + 1 cells. `scaled`: the
 * family records integers. */
static inline uint32_t mstat_partition(const struct mstat_shm_buckets *buckets, int scaled, double *uppers)
{
	uint32_t cuts = mstat_partition_cuts(buckets), cut = 0, bound = 0, n = 0;
	while (cut < cuts || bound < buckets->bound_count) {
		double upper;
		if (bound == buckets->bound_count ||
		    (cut < cuts && mstat_partition_cut(buckets, cut) < buckets->bounds[bound]))
			upper = mstat_partition_cut(buckets, cut++);
		else
			upper = buckets->bounds[bound++];
		if (n && uppers[n - 1] == upper)
			continue;
		if (n && scaled &&
		    mstat_bucket_scaled(upper, buckets->scale) == mstat_bucket_scaled(uppers[n - 1], buckets->scale))
			continue;
		uppers[n++] = upper;
	}
	return n;
}

#endif
