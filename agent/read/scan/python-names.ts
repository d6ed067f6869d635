// What Python brings along: the names that every program has, and the modules of its standard library (CPython:Lib, 3.12, with those of
// older ones). A name of these means what Python says, whatever else a program has. No judgement: rules/threats says which act.

export const BUILTINS: ReadonlySet<string> = new Set(
  (
    '__import__ abs aiter all anext any apply ascii bin bool breakpoint bytearray bytes callable chr classmethod' +
    ' compile complex copyright credits delattr dict dir divmod enumerate eval exec execfile exit filter float' +
    ' format frozenset getattr globals hasattr hash help hex id input int isinstance issubclass iter len license' +
    ' list locals map max memoryview min next object oct open ord pow print property quit range raw_input reload' +
    ' repr reversed round set setattr slice sorted staticmethod str sum super tuple type unichr unicode vars zip'
  ).split(' '),
)

export const STANDARD_MODULES: ReadonlySet<string> = new Set(
  (
    '__builtin__ _codecs _ctypes _frozen_importlib _imp _io _operator _pickle _posixsubprocess _socket _thread' +
    ' _winapi abc aifc antigravity argparse array ast asynchat asyncio asyncore atexit audioop base64 bdb binascii' +
    ' bisect builtins bz2 cPickle cProfile calendar cgi cgitb chunk cmath cmd code codecs codeop collections' +
    ' colorsys commands compileall concurrent configparser contextlib contextvars copy copyreg crypt csv ctypes' +
    ' curses dataclasses datetime dbm decimal difflib dis distutils doctest email encodings ensurepip enum errno' +
    ' faulthandler fcntl filecmp fileinput fnmatch fractions ftplib functools gc genericpath getopt getpass' +
    ' gettext glob graphlib grp gzip hashlib heapq hmac html http httplib idlelib imaplib imghdr imp importlib' +
    ' inspect io ipaddress itertools json keyword lib2to3 linecache locale logging lzma mailbox mailcap marshal' +
    ' math mimetypes mmap modulefinder msilib msvcrt multiprocessing netrc nis nntplib nt ntpath nturl2path' +
    ' numbers opcode operator optparse os ossaudiodev pathlib pdb pickle pickletools pipes pkgutil platform' +
    ' plistlib popen2 poplib posix posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc pydoc_data' +
    ' pyexpat queue quopri random re readline reprlib resource rlcompleter runpy sched secrets select selectors' +
    ' shelve shlex shutil signal site smtpd smtplib sndhdr socket socketserver spwd sqlite3 sre_compile' +
    ' sre_constants sre_parse ssl stat statistics string stringprep struct subprocess sunau symtable sys sysconfig' +
    ' syslog tabnanny tarfile telnetlib tempfile termios textwrap this threading time timeit tkinter token' +
    ' tokenize tomllib trace traceback tracemalloc tty turtle turtledemo types typing unicodedata unittest urllib' +
    ' urllib2 uu uuid venv warnings wave weakref webbrowser winreg winsound wsgiref xdrlib xml xmlrpc zipapp' +
    ' zipfile zipimport zlib zoneinfo'
  ).split(' '),
)
