autocmd BufRead,BufNewFile mbsyncrc,.mbsyncrc,isyncrc,mbsyncrc.example setfiletype mbsyncrc
