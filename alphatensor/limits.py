"""How large what is read from files may be: every reader refuses more than this, in one line.

The limits hold before anything is allocated, for what a file declares as well as for what it
holds. They leave room for every published collection of algorithms, and keep a refusal below two
seconds and 500 MiB.
"""

MAX_FILE_BYTES = 100 * 2**20  # of an archive or an .npy file on the disk
MAX_TEXT_BYTES = 2**23  # of a file with text; numbers in it become Python objects
MAX_SYMBOLIC_BYTES = 2**20  # of a file with sums and products, which are read symbol by symbol
MAX_ARCHIVE_BYTES = 2**28  # of an archive's members, uncompressed: 14,236 algorithms in int64
MAX_MEMBERS = 1_000  # of an archive
MAX_ENTRIES = 2**25  # numbers of an archive, and of a matrix in text
MAX_HEADER_BYTES = 10_000  # of an array in an archive
MAX_DIMENSIONS = 16  # of an array
MAX_PICKLE_BYTES = 2**26  # of a member that holds pickled arrays, which are interpreted
MAX_PICKLE_STEPS = 1_000_000
MAX_EXACT = 2**19  # numbers of a file that are fractions, text or beyond int64
MAX_STATEMENTS = 2**15  # of the three files of a straight-line program together
MAX_PROGRAM = 2**22  # terms that expanding the sums of a straight-line program takes
MAX_DIGITS = 100  # of a numerator or a denominator
MAX_DENOMINATOR_BITS = 2_048  # of a common denominator of an algorithm
MAX_LABEL = 200  # characters of a target's name or a ring's
MAX_PROVENANCE = 2**22  # characters of all provenance of a file
MAX_FACTORIZATIONS = 20_000  # of a file
MAX_SIZE = 64  # of n, m, p in a file
MAX_RANK = 20_000  # of an algorithm in a file
MAX_TENSOR_ENTRIES = 2**26  # of a target: 20x20x20 has 64,000,000
MAX_TENSOR_VALUE = 1_000  # of the entries of a tensor of one's own
MAX_WORK = 2**40  # multiplications that verifying all of a file may take


def help_text() -> str:
    """Returns the limits that a user may meet, as the --help of a command shows them."""
    return f"""\
Limits of files (regular files only; more is refused in one line):
  an archive {MAX_FILE_BYTES >> 20} MiB, {MAX_ARCHIVE_BYTES >> 20} MiB uncompressed, \
{MAX_MEMBERS:,} members, {MAX_ENTRIES:,} numbers
  a file with text {MAX_TEXT_BYTES >> 20} MiB, {MAX_SYMBOLIC_BYTES >> 20} MiB of sums and products
  numbers {MAX_DIGITS} digits; {MAX_EXACT:,} of a file may be fractions, text or beyond int64
  algorithms {MAX_FACTORIZATIONS:,} in a file, each of rank at most {MAX_RANK:,}
  targets sizes n, m, p up to {MAX_SIZE}, tensors of {MAX_TENSOR_ENTRIES:,} entries
  provenance {MAX_PROVENANCE:,} characters in a file
"""
