#include "tui/near.h"

#include <string.h>

enum { NEAR_LONG = 32 };

static int
least(int a, int b)
{
	return a < b ? a : b;
}

int
near_distance(const char *a, const char *b)
{
	int d[NEAR_LONG + 1][NEAR_LONG + 1];
	int n = (int)strlen(a), m = (int)strlen(b);

	if (n > NEAR_LONG || m > NEAR_LONG)
		return 99;
	for (int i = 0; i <= n; i++)
		for (int j = 0; j <= m; j++) {
			if (!i || !j) {
				d[i][j] = i + j;
				continue;
			}
			d[i][j] = least(d[i - 1][j - 1] + (a[i - 1] != b[j - 1]),
					least(d[i - 1][j], d[i][j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
		}
	return d[n][m];
}
